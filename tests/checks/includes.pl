#!/usr/bin/env perl
# SPDX-License-Identifier: PostgreSQL
#
# The dependency rule between the folders (extension/README.md), by what the files include:
#
#   kernel, wal_hooks/codec -> nothing     pg -> PostgreSQL    wal_hooks -> pg, index page formats
#   types, index, check -> kernel, pg, wal_hooks, build/build_api.hpp
#   distribution -> pg           cli -> no server header, no other folder
#
# and three rules on single files:
#   - postgres.h is included by pg/postgres.hpp alone, and pg/postgres.hpp comes first
#   - PG_VERSION_NUM is tested in pg/compat.hpp alone (rule B15)
#   - a file that runs in a backend and names an owning C++ type (std::vector, std::string, ...)
#     uses pg::guarded: in plain frames a PostgreSQL error would skip the destructor (rule B3)
#   - PG_TRY is pg/'s own (rule B7)
use strict;
use warnings;
use File::Find;

my %may_use = (
	kernel       => [],
	wal_codec    => [],
	pg           => [],
	types        => [qw(kernel pg wal_hooks types)],
	index        => [qw(kernel pg wal_hooks index types build)],
	check        => [qw(kernel pg wal_hooks check index types)],
	build        => [qw(kernel pg build)],
	wal_hooks    => [qw(pg wal_hooks wal_codec index)],
	distribution => [qw(pg distribution)],
	cli          => [qw(cli)],
	module       => [qw(pg kernel types index check wal_hooks)],
);
my %backend = map { $_ => 1 } qw(pg types index check wal_hooks distribution module);
my $owning  = qr/\bstd::(?:vector|string|unique_ptr|shared_ptr|map|set|unordered_\w+|deque|list|function|o?stringstream)\b/;
my $failed  = 0;

sub complain
{
	my ($file, $line, $text) = @_;
	print "$file:$line: $text\n";
	$failed = 1;
}

# The zone a file lies in.
sub zone_of
{
	my ($file) = @_;
	return 'cli'          if $file =~ m{^distribution/cli/};
	return 'distribution' if $file =~ m{^distribution/};
	return 'wal_codec'    if $file =~ m{^wal_hooks/codec/};
	return 'wal_hooks'    if $file =~ m{^wal_hooks/};
	return $1             if $file =~ m{^extension/(\w+)/};
	return 'module';
}

# The zone of an included header of ours, from the file it was found to be.
sub zone_of_include
{
	my ($file, $include) = @_;
	my ($folder) = $file =~ m{^(.*)/};
	for my $path ("$folder/$include", "extension/$include", $include, "distribution/$include",
		"distribution/cli/$include")
	{
		return (zone_of($path), $path) if -e $path;
	}
	return;
}

sub check_include
{
	my ($file, $line, $zone, $include, $quoted) = @_;
	complain($file, $line, "only pg/postgres.hpp includes $include")
	  if $include =~ /^(postgres|fmgr)\.h$/ && $file ne 'extension/pg/postgres.hpp';
	complain($file, $line, "<$include>: libpqxx and protobuf belong to the command-line tool")
	  if $include =~ /^(pqxx|google\/protobuf)\// && $zone ne 'cli';
	complain($file, $line, "<$include>: only extension/build links faiss and hnswlib")
	  if $include =~ /^(faiss|hnswlib)\// && $zone ne 'build';
	return unless $quoted;

	my ($target, $path) = zone_of_include($file, $include);
	if (!defined $target)
	{
		complain($file, $line, "\"$include\": a $zone file knows no PostgreSQL header")
		  if $include =~ /(?<!\.pb)\.h$/ && ($zone eq 'kernel' || $zone eq 'wal_codec' || $zone eq 'cli');
		return;
	}
	return if $target eq $zone || grep { $_ eq $target } @{ $may_use{$zone} };
	complain($file, $line, "$zone must not include $path (zone $target)");
}

sub check_file
{
	my ($file) = @_;
	my $zone = zone_of($file);
	complain($file, 1, "extension/$zone is not a known folder: add it to tests/checks/includes.pl")
	  unless $may_use{$zone};
	open my $in, '<', $file or die "$file: $!";
	my $text = do { local $/; <$in> };
	my ($first, $named_owner, $line) = (undef, 0, 0);
	for (split /\n/, $text)
	{
		$line++;
		if (/^\s*#\s*include\s+(["<])([^">]+)/)
		{
			$first //= $2;
			check_include($file, $line, $zone, $2, $1 eq '"');
		}
		s{//.*}{};
		complain($file, $line, 'PG_VERSION_NUM belongs into pg/compat.hpp')
		  if /\bPG_VERSION_NUM\b/ && $file ne 'extension/pg/compat.hpp';
		complain($file, $line, 'PG_TRY outside extension/pg') if /\bPG_TRY\s*\(/ && $zone ne 'pg';
		$named_owner ||= $line if $backend{$zone} && $zone ne 'pg' && $_ =~ $owning;
	}
	complain($file, 1, "\"pg/postgres.hpp\" must be the first include, not \"$first\"")
	  if $backend{$zone} && $file =~ /\.cpp$/ && ($first // '') ne 'pg/postgres.hpp';
	complain($file, $named_owner, 'an owning C++ type in a file without pg::guarded')
	  if $named_owner && $text !~ /\bpg::guarded\b/;
}

find(
	{   no_chdir => 1,
		wanted   => sub { check_file($_) if /\.[ch]pp$/ }
	},
	'extension', 'wal_hooks', 'distribution');
exit $failed;
