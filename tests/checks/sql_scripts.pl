#!/usr/bin/env perl
# SPDX-License-Identifier: PostgreSQL
#
# The install scripts of sql/: nothing in them may pick up or replace an object that was there before
# (no OR REPLACE, no IF NOT EXISTS), each begins with the \quit guard, and each function says how
# volatile and how parallel-safe it is. (That every object has a COMMENT is tested in the server, by
# regress/sql/vector_catalog.sql.)
use strict;
use warnings;

my $failed = 0;

sub complain
{
	print "@_\n";
	$failed = 1;
}

for my $file (glob 'sql/*--*.sql')
{
	open my $in, '<', $file or die "$file: $!";
	my $text = do { local $/; <$in> };
	complain("$file: no \\quit guard at its top") unless $text =~ /\A(?:--[^\n]*\n)*\\echo [^\n]*\\quit\n/;
	$text =~ s/--[^\n]*//g;
	while ($text =~ /\b(OR\s+REPLACE|IF\s+NOT\s+EXISTS)\b/gi)
	{
		my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
		complain("$file:$line: $1 in an install script");
	}
	while ($text =~ /\bCREATE\s+(?:FUNCTION|PROCEDURE)\s+([\w.]+)(.*?);\s*$/gmsi)
	{
		my ($name, $rest) = ($1, $2);
		next if $rest =~ /\bRETURNS\s+(?:event_)?trigger\b/i;
		complain("$file: function $name does not say IMMUTABLE, STABLE or VOLATILE")
		  unless $rest =~ /\b(IMMUTABLE|STABLE|VOLATILE)\b/i;
		complain("$file: function $name does not say PARALLEL SAFE, RESTRICTED or UNSAFE")
		  unless $rest =~ /\bPARALLEL\s+(SAFE|RESTRICTED|UNSAFE)\b/i;
	}
}
exit $failed;
