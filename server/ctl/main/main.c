#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>

#include "server/ctl/ctl.h"

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		fprintf(stderr, "ampoulectl: cannot start libcurl\n");
		return CTL_FAILED;
	}
	int r = ctl_run(argc, (const char *const *)argv, stdin, stdout, stderr);

	curl_global_cleanup();
	return r;
}
