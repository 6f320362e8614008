# SPDX-License-Identifier: PostgreSQL
#
# A coordinator and its workers for TAP tests, each a server of its own.
#
#   my $mesh = VecmeshCluster->new(workers => 2);
#   $mesh->sql('SELECT …');                      # on the coordinator; dies when it fails
#   my ($out, $err) = $mesh->try('SELECT …');    # $err with SQLSTATE, DETAIL, HINT
package VecmeshCluster;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our $database = 'mesh';

sub new
{
	my ($class, %option) = @_;
	my $self = bless { workers => [] }, $class;

	$self->{coordinator} = make_server('coordinator', q{
shared_preload_libraries = 'vecmesh'
});
	$self->sql('CREATE EXTENSION vector; CREATE EXTENSION vecmesh;');
	for my $i (1 .. $option{workers} // 2)
	{
		my $worker = make_server("worker$i", "log_statement = all\n");
		$worker->safe_psql($database, 'CREATE EXTENSION vector');
		push @{ $self->{workers} }, $worker;
		$self->sql(sprintf("SELECT vecmesh.add_node('%s', %d, '%s')",
				$worker->host, $worker->port, $database));
	}
	return $self;
}

sub make_server
{
	my ($name, $settings) = @_;
	my $server = PostgreSQL::Test::Cluster->new($name);
	$server->init;
	$server->append_conf('postgresql.conf', "max_prepared_transactions = 20\n$settings");
	$server->start;
	$server->safe_psql('postgres', "CREATE DATABASE $database");
	return $server;
}

sub coordinator { return $_[0]->{coordinator}; }
sub worker { return $_[0]->{workers}[ $_[1] - 1 ]; }
sub workers { return @{ $_[0]->{workers} }; }

sub sql
{
	my ($self, $sql) = @_;
	return $self->{coordinator}->safe_psql($database, $sql);
}

sub try
{
	my ($self, $sql) = @_;
	my ($out, $err) = ('', '');
	$self->{coordinator}->psql($database, "\\set VERBOSITY verbose\n$sql",
		stdout => \$out, stderr => \$err, on_error_stop => 0);
	return ($out, $err);
}

# The same query on each worker: results joined by commas, in the order of the workers.
sub on_workers
{
	my ($self, $sql) = @_;
	return join ',', map { $_->safe_psql($database, $sql) } $self->workers;
}

# Waits until a query on each worker gives the expected results.
sub wait_for_workers
{
	my ($self, $sql, $expected) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $self->on_workers($sql) eq $expected;
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# Kills a server as a crash of its machine would, and waits until nothing of it is left.
sub kill9
{
	my ($self, $server) = @_;
	my $pid = (split /\n/, PostgreSQL::Test::Utils::slurp_file($server->data_dir . '/postmaster.pid'))[0];
	$server->kill9;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last unless kill 0, $pid;
		select undef, undef, undef, 0.1;
	}
	return;
}

# A psql session in the background; its statements run as they are sent.
sub session
{
	my ($self, $server) = @_;
	$server //= $self->{coordinator};
	my %s = (in => '', out => '', err => '');
	$s{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $server->connstr($database), '-f', '-' ],
		'<', \$s{in}, '>', \$s{out}, '2>', \$s{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return bless \%s, 'VecmeshCluster::Session';
}

package VecmeshCluster::Session;

# Sends SQL without waiting for its result.
sub send
{
	my ($self, $sql) = @_;
	$self->{in} .= "$sql\n";
	$self->{handle}->pump_nb;
	return;
}

# Sends SQL, waits until it is done, returns its output (errors are in {err}).
sub run
{
	my ($self, $sql) = @_;
	$self->{out} = '';
	$self->send("$sql\n\\echo ==done==");
	$self->{handle}->pump until $self->{out} =~ s/==done==\n//;
	chomp(my $out = $self->{out});
	return $out;
}

sub finish
{
	my ($self) = @_;
	$self->{in} .= "\\q\n";
	eval { $self->{handle}->finish; };
	return $self->{err};
}

1;
