/* The same as getaddrinfo.c by c-ares, which asks for all names at once over the sockets that it keeps. */
#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>

static void answered(void *name, int status, int timeouts, struct ares_addrinfo *all)
{
	(void)timeouts;
	printf("%s:", (const char *)name);
	if (status != ARES_SUCCESS)
		printf(" none");
	for (const struct ares_addrinfo_node *a = all ? all->nodes : NULL; a; a = a->ai_next) {
		char text[INET6_ADDRSTRLEN];
		const void *from = a->ai_family == AF_INET ? (const void *)&((const struct sockaddr_in *)a->ai_addr)->sin_addr
							   : (const void *)&((const struct sockaddr_in6 *)a->ai_addr)->sin6_addr;
		printf(" %s", inet_ntop(a->ai_family, from, text, sizeof text));
	}
	printf("\n");
	if (all)
		ares_freeaddrinfo(all);
}

int main(int argc, char **argv)
{
	ares_channel channel;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS || ares_init(&channel) != ARES_SUCCESS)
		return 1;
	for (int i = 1; i < argc; i++) {
		struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
		ares_getaddrinfo(channel, argv[i], NULL, &hints, answered, argv[i]);
	}
	for (;;) {
		fd_set in, out;
		FD_ZERO(&in);
		FD_ZERO(&out);
		int n = ares_fds(channel, &in, &out);
		if (n == 0)
			break;
		struct timeval most = {.tv_sec = 1}, wait, *t = ares_timeout(channel, &most, &wait);
		select(n, &in, &out, NULL, t);
		ares_process(channel, &in, &out);
	}
	ares_destroy(channel);
	return 0;
}
