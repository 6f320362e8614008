# SPDX-License-Identifier: PostgreSQL
#
# The bytes of an ivfflat or ivfrabitq index, for tests that damage them: where fields are, and what
# is in them. Offsets are those of extension/index/ivf/page.hpp and extension/index/ivfrabitq/page.hpp.
package DamagedIndex;

use strict;
use warnings;

our $PAGE    = 8192;
our $INVALID = 0xffffffff;

my @PAGE_HEADER = (flags => [ 10, 'S' ], lower => [ 12, 'S' ], upper => [ 14, 'S' ], special => [ 16, 'S' ],
	version => [ 18, 'S' ], kind => [ 8188, 'S' ], page_id => [ 8190, 'S' ]);

my %FIELDS = (
	ivfflat => {
		page => {@PAGE_HEADER, reserved => [ 8184, 'L' ]},
		meta => { magic => [ 24, 'L' ], format => [ 28, 'L' ], lists => [ 40, 'L' ], row_bytes => [ 44, 'L' ],
			row_capacity => [ 48, 'L' ], rows_offset => [ 52, 'L' ], first_centroids => [ 60, 'L' ],
			first_directory => [ 72, 'L' ], first_rows => [ 80, 'L' ] },
		centroids => { first_list => [ 24, 'L' ], count => [ 28, 'L' ], first => [ 64, 'f' ] },
		directory => { first_list => [ 24, 'L' ], count => [ 28, 'L' ] },
		rows => { list => [ 24, 'L' ], count => [ 28, 'S' ], dead => [ 30, 'S' ], next => [ 32, 'L' ],
			next_free => [ 36, 'L' ], marks => [ 40, 'S' ], reserved1 => [ 42, 'S' ], reserved2 => [ 44, 'L' ] },
		# of the list's entry in the directory page
		entry => { run_start => [ 0, 'L' ], run_pages => [ 4, 'L' ], head => [ 8, 'L' ], tail => [ 12, 'L' ],
			free => [ 16, 'L' ], rest => [ 20, 'L' ] },
		entry_bytes => 24,
		tids => 48,
	},
	ivfrabitq => {
		page => {@PAGE_HEADER, reserved => [ 8176, 'L' ]},
		meta => { magic => [ 24, 'L' ], format => [ 28, 'L' ], padded => [ 40, 'L' ], scan_dimensions => [ 44, 'L' ],
			groups_per_page => [ 48, 'L' ], group_bytes => [ 52, 'L' ], groups_offset => [ 56, 'L' ],
			tids_offset => [ 60, 'L' ], fine_bytes => [ 64, 'L' ], fine_per_page => [ 68, 'L' ],
			filter_offset => [ 78, 'S' ],
			list_capacity => [ 140, 'L' ], first_mean => [ 144, 'L' ], first_centroids => [ 148, 'L' ],
			first_block_centres => [ 156, 'L' ], first_directory => [ 164, 'L' ], first_scan => [ 172, 'L' ],
			scan_pages => [ 176, 'L' ], fine_pages => [ 180, 'L' ], lists => [ 216, 'L' ], structure => [ 220, 'L' ],
			beams => [ 768, 'L' ] },
		mean => { first => [ 24, 'f' ] },
		centroids => { scale => [ 64, 'f' ], norm => [ 320, 'f' ], code => [ 576, 'C' ] },
		directory => { first_list => [ 24, 'L' ], count => [ 28, 'L' ] },
		scan => { fine_block => [ 24, 'L' ], fine_slot => [ 28, 'L' ], groups_used => [ 32, 'C' ],
			slice_count => [ 33, 'C' ], marks => [ 34, 'S' ] },
		fine => { reserved1 => [ 24, 'L' ] },
		entry => { run_start => [ 0, 'L' ], run_pages => [ 4, 'L' ], head => [ 8, 'L' ], head_slice => [ 12, 'L' ],
			tail => [ 16, 'L' ], tail_slice => [ 20, 'L' ], free => [ 24, 'L' ], free_slice => [ 28, 'L' ],
			flags => [ 36, 'L' ], born => [ 40, 'L' ], died => [ 44, 'L' ] },
		entry_bytes => 56,
		slice => { list => [ 0, 'L' ], first_group => [ 4, 'C' ], groups => [ 5, 'C' ], count => [ 6, 'S' ],
			dead => [ 8, 'S' ], marks => [ 10, 'S' ], next => [ 12, 'L' ], next_slice => [ 16, 'L' ],
			next_free => [ 20, 'L' ], next_free_slice => [ 24, 'L' ] },
	},);

# DamagedIndex->new(method, bytes)
sub new
{
	my ($class, $method, $bytes) = @_;
	my $self = bless { fields => $FIELDS{$method}, method => $method, bytes => $bytes }, $class;
	$self->{meta} = { map { $_ => $self->get('meta', 0, $_) } keys %{ $self->{fields}{meta} } };
	return $self;
}

sub copy { my ($self) = @_; return bless {%$self}, ref $self }
sub blocks { my ($self) = @_; return length($self->{bytes}) / $PAGE }

# Where a field of a structure at that offset of a page is.
sub at
{
	my ($self, $structure, $block, $name, $base) = @_;
	my $field = $self->{fields}{$structure}{$name} // $self->{fields}{page}{$name}
	  // die "no field $name in $structure";
	return ($block * $PAGE + ($base // 0) + $field->[0], $field->[1]);
}

sub get
{
	my ($self, @where) = @_;
	my ($offset, $type) = $self->at(@where);
	return unpack($type, substr($self->{bytes}, $offset, length(pack($type, 0))));
}

# Each returns the index, so that they can be chained.
sub bytes_at
{
	my ($self, $block, $offset, $bytes) = @_;
	substr($self->{bytes}, $block * $PAGE + $offset, length($bytes)) = $bytes;
	return $self;
}

sub set
{
	my ($self, $structure, $block, $name, $value, $base) = @_;
	my ($offset, $type) = $self->at($structure, $block, $name, $base);
	return $self->bytes_at(0, $offset, pack($type, $value));
}

# ---- the directory: one page in these tests

sub list_get { my ($self, $list, $name) = @_; return $self->get('entry', $self->entry_at($list, $name)) }

sub list_set
{
	my ($self, $list, %values) = @_;
	for my $name (keys %values)
	{
		my ($block, undef, $base) = $self->entry_at($list, $name);
		$self->set('entry', $block, $name, $values{$name}, $base);
	}
	return $self;
}

sub entry_at
{
	my ($self, $list, $name) = @_;
	return ($self->{meta}{first_directory}, $name, 32 + $list * $self->{fields}{entry_bytes});
}

# ---- slices of a scan page

sub slice_get { my ($self, $block, $slice, $name) = @_; return $self->get('slice', $block, $name, 40 + 28 * $slice) }

sub slice_set
{
	my ($self, $block, $slice, %values) = @_;
	$self->set('slice', $block, $_, $values{$_}, 40 + 28 * $slice) for keys %values;
	return $self;
}

# ---- rows

sub tid_offset
{
	my ($self, $slot) = @_;
	return ($self->{method} eq 'ivfflat' ? 48 : $self->{meta}{tids_offset}) + 6 * $slot;
}

sub tid { my ($self, $block, $slot) = @_; return substr($self->{bytes}, $block * $PAGE + $self->tid_offset($slot), 6) }
sub set_tid { my ($self, $block, $slot, $tid) = @_; return $self->bytes_at($block, $self->tid_offset($slot), $tid) }

# "(block,offset)" as six bytes
sub tid_of
{
	my ($block, $offset) = $_[0] =~ /(\d+),(\d+)/ or die "no tid: $_[0]";
	return pack('SSS', $block >> 16, $block & 0xffff, $offset);
}

# Offset in a scan page of a row's part of its group: codes, add, filter values.
sub group_offset
{
	my ($self, $slot) = @_;
	return $self->{meta}{groups_offset} + int($slot / 32) * $self->{meta}{group_bytes};
}

sub add_offset
{
	my ($self, $slot) = @_;
	return $self->group_offset($slot) + 4 * $self->{meta}{scan_dimensions} + 2 * ($slot % 32);
}

1;
