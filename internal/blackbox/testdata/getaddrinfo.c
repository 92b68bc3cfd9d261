/* Prints the addresses of each name, or why there are none: what a program does that was linked with a C library. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void print(const struct addrinfo *a)
{
	char text[INET6_ADDRSTRLEN];
	const void *from = a->ai_family == AF_INET ? (const void *)&((const struct sockaddr_in *)a->ai_addr)->sin_addr
						   : (const void *)&((const struct sockaddr_in6 *)a->ai_addr)->sin6_addr;
	printf(" %s", inet_ntop(a->ai_family, from, text, sizeof text));
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *all = NULL;
		int failed = getaddrinfo(argv[i], NULL, &hints, &all);
		printf("%s:", argv[i]);
		if (failed)
			printf(" none");
		for (const struct addrinfo *a = all; a; a = a->ai_next)
			print(a);
		printf("\n");
		if (all)
			freeaddrinfo(all);
	}
	return 0;
}
