#!/usr/bin/perl
# Answers what CGI.pm read of the request: for each place the usual ways to ask for the parameter that `X-Read` names. Texts are hex.
use strict;
use warnings;
use CGI;
use FCGI;
use JSON::PP;

sub told {
    my ($value) = @_;
    return undef unless defined $value;
    return {other => unpack('H*', ref $value)} if ref $value;
    return unpack('H*', "$value");
}

sub list { return [map { told("$_") } @_] }

my $socket = FCGI::OpenSocket($ENV{READER_SOCKET}, 64);
chmod 0777, $ENV{READER_SOCKET};
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%ENV, $socket);
print STDERR "listening\n";

while ($request->Accept >= 0) {
    CGI::initialize_globals();
    my $cgi = eval { CGI->new };
    if (!$cgi) {
        # where it refuses a body it ends the program
        print "Status: 400 Bad Request\r\n\r\n";
        next;
    }
    my $name = $ENV{HTTP_X_READ} // '';
    my $one = scalar $cgi->param($name);
    my @param = (['param', told(defined $one ? "$one" : undef)], ['multi_param', list($cgi->multi_param($name))]);
    my @url = (['url_param', told(scalar $cgi->url_param($name))]);
    my $posted = $ENV{REQUEST_METHOD} =~ /^(POST|PUT|PATCH)$/;
    my $field = 'HTTP_' . uc($name =~ tr/-/_/r);
    my $json = eval { JSON::PP->new->utf8->decode(scalar($cgi->param("$ENV{REQUEST_METHOD}DATA")) // '') };
    my $member = ref $json eq 'HASH' ? $json->{$name} : undef;
    # a number is no text
    $member = [] if defined $member && JSON::PP->new->allow_nonref->encode($member) !~ /^"/;
    utf8::encode($member) if defined $member && !ref $member;
    my @path = split m{/}, $ENV{PATH_INFO} // '', -1;
    my %seen = (
        query => [@url, $posted ? () : @param],
        form => [@param],
        multipart => [@param],
        param => [@param],
        cookie => [['cookie', told(scalar $cgi->cookie($name))]],
        header => [['http', told($ENV{$field})]],
        'file-name' => [@param],
        path => [['path_info', told($path[2])]],
        json => [$posted ? ['JSON::PP', told($member)] : ()],
    );
    my %told = (id => $ENV{HTTP_X_REQUEST_ID} // '', bytes => \1, path => unpack('H*', $ENV{PATH_INFO} // ''), seen => \%seen);
    print "Content-Type: application/json\r\n\r\n", JSON::PP->new->utf8->encode(\%told);
}
