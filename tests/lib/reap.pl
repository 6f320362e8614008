#!/usr/bin/env perl
# SPDX-License-Identifier: PostgreSQL
#
# reap.pl COMMAND ARGUMENT…: runs a command and reaps the orphans it leaves.
#
# The crash tests kill servers that pg_ctl started, whose parent is process 1. In a container that
# is often a program that never reaps, and a killed server stays a zombie: to PostgreSQL it still
# runs, and its data directory stays locked. As "child subreaper" this process takes that part.
use strict;
use warnings;
use POSIX ':sys_wait_h';

use constant PR_SET_CHILD_SUBREAPER => 36;

my $machine = (POSIX::uname())[4];
my %prctl = (x86_64 => 157, aarch64 => 167);
syscall($prctl{$machine}, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) if $prctl{$machine};

my $command = fork() // die "reap.pl: cannot fork: $!\n";
if ($command == 0)
{
	exec { $ARGV[0] } @ARGV or die "reap.pl: cannot run $ARGV[0]: $!\n";
}
$SIG{$_} = 'IGNORE' for qw(INT TERM HUP);    # the command decides; we end when it does

my $pid;
while (($pid = waitpid(-1, 0)) > 0)
{
	next if $pid != $command;
	exit(WIFEXITED($?) ? WEXITSTATUS($?) : 128 + WTERMSIG($?));
}
die "reap.pl: lost the command\n";
