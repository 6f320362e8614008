#!/usr/bin/env perl
# SPDX-License-Identifier: PostgreSQL
#
# Every relative link in a Markdown file leads to a file or folder of the tree.
use strict;
use warnings;
use File::Find;

my $failed = 0;
find(
	{   no_chdir   => 1,
		preprocess => sub { grep { !/^(\.git|\.vecmesh|build.*)$/ } @_ },
		wanted     => sub {
			return unless /\.md$/;
			my ($file, $folder) = ($File::Find::name, $File::Find::dir);
			open my $in, '<', $file or die "$file: $!";
			while (my $text = <$in>)
			{
				while ($text =~ /\]\(([^)\s#]+)(?:#[^)]*)?\)/g)
				{
					my $target = $1;
					next if $target =~ /^\w+:/ || -e "$folder/$target";
					print "$file:$.: $target does not exist\n";
					$failed = 1;
				}
			}
		}
	},
	'.');
exit $failed;
