// A storage account that keeps nothing, for benchmarks: one thread per connection, TLS by OpenSSL. It
// remembers only how long a name is and what headers it was given; every content is one repeating
// pattern (byte i is pattern[i mod 1 MiB], see pattern()), so a file made of that pattern comes back
// byte for byte. Knobs: latency of every answer, bandwidth of a connection, bandwidth in all.
//   sink PORT CERT KEY [-l latency_ms] [-b conn_MBps] [-t total_MBps] [-n prefix:count:size]... [-p]
// It also answers as a trust service and as Entra, with tokens nobody checks.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATTERN (1 << 20)
#define HEAD_MAX 65536
#define PIECE (256 * 1024)

static uint8_t pattern[2 * PATTERN];
static double latency_s, conn_rate, total_rate;
static SSL_CTX *tls;

// ---- names: what was put, or promised by -n ------------------------------------------------------
typedef struct Name {
  struct Name *next;
  char *path, *kept;
  long long size, blocks;
} Name;
#define BUCKETS 262144
static Name *names[BUCKETS];
// In the order they came to be: what a listing shows.
static Name **listed;
static long listed_count, listed_room;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
typedef struct { char prefix[512]; long count; long long size; } Family;
static Family families[16];
static int family_count;

static uint32_t hash_of(const char *text) {
  uint32_t h = 2166136261u;
  while (*text) h = (h ^ (uint8_t)*text++) * 16777619u;
  return h % BUCKETS;
}

static Name *name_at(const char *path, int make) {
  Name **at = &names[hash_of(path)];
  for (Name *n = *at; n; n = n->next)
    if (!strcmp(n->path, path)) return n;
  if (!make) return NULL;
  Name *fresh = calloc(1, sizeof *fresh);
  fresh->path = strdup(path);
  fresh->size = -1;
  fresh->next = *at;
  return *at = fresh;
}

// The last path segment of a family's blob is `f` and six digits.
static long long promised_size(const char *path) {
  for (int i = 0; i < family_count; i++) {
    size_t length = strlen(families[i].prefix);
    if (!strncmp(path, families[i].prefix, length) && path[length] == 'f') {
      char *end;
      long index = strtol(path + length + 1, &end, 10);
      if (*end == 0 && index >= 0 && index < families[i].count) return families[i].size;
    }
  }
  return -1;
}

// ---- a connection --------------------------------------------------------------------------------
typedef struct {
  int fd;
  SSL *ssl;
  char in[HEAD_MAX];
  size_t filled;
  double ready_at;
} Conn;

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void sleep_until(double when) {
  double left = when - now_s();
  if (left <= 0) return;
  struct timespec t = {(time_t)left, (long)((left - (time_t)left) * 1e9)};
  nanosleep(&t, NULL);
}

static pthread_mutex_t total_lock = PTHREAD_MUTEX_INITIALIZER;
static double total_ready_at;

// Waits until the connection, and the link that all share, have carried so many bytes.
static void pay(Conn *c, size_t bytes) {
  double now = now_s(), when = 0;
  if (conn_rate > 0) {
    if (c->ready_at < now) c->ready_at = now;
    when = c->ready_at += bytes / conn_rate;
  }
  if (total_rate > 0) {
    pthread_mutex_lock(&total_lock);
    if (total_ready_at < now) total_ready_at = now;
    total_ready_at += bytes / total_rate;
    if (total_ready_at > when) when = total_ready_at;
    pthread_mutex_unlock(&total_lock);
  }
  // Short debts are let stand: sleeping is coarse.
  if (when - now > 0.001) sleep_until(when);
}

static ssize_t take(Conn *c, void *into, size_t size) {
  return c->ssl ? SSL_read(c->ssl, into, (int)size) : read(c->fd, into, size);
}

static int give(Conn *c, const void *from, size_t size) {
  const char *at = from;
  while (size > 0) {
    ssize_t n = c->ssl ? SSL_write(c->ssl, at, (int)size) : write(c->fd, at, size);
    if (n <= 0) return -1;
    at += n;
    size -= (size_t)n;
  }
  return 0;
}

static int discard(Conn *c, long long size) {
  static __thread char piece[PIECE];
  size_t early = c->filled < (size_t)size ? c->filled : (size_t)size;
  memmove(c->in, c->in + early, c->filled -= early);
  size -= (long long)early;
  pay(c, early);
  while (size > 0) {
    ssize_t n = take(c, piece, size < PIECE ? (size_t)size : PIECE);
    if (n <= 0) return -1;
    size -= n;
    pay(c, (size_t)n);
  }
  return 0;
}

static int send_pattern(Conn *c, long long from, long long size) {
  while (size > 0) {
    size_t at = (size_t)(from % PATTERN), n = size < PIECE ? (size_t)size : PIECE;
    if (give(c, pattern + at, n)) return -1;
    pay(c, n);
    from += (long long)n;
    size -= (long long)n;
  }
  return 0;
}

// ---- requests ------------------------------------------------------------------------------------
static const char *header(const char *head, const char *name, char *into, size_t size) {
  size_t length = strlen(name);
  for (const char *line = strchr(head, '\n'); line && line[1] != '\r'; line = strchr(line + 1, '\n')) {
    if (strncasecmp(line + 1, name, length) || line[1 + length] != ':') continue;
    const char *value = line + 2 + length;
    while (*value == ' ') value++;
    size_t n = strcspn(value, "\r\n");
    if (n >= size) n = size - 1;
    memcpy(into, value, n);
    into[n] = 0;
    return into;
  }
  return NULL;
}

// The headers a reader is told again: people's metadata, and the checksum kept with the content.
static char *kept_headers(const char *head) {
  char *kept = malloc(4096);
  size_t at = 0;
  for (const char *line = strchr(head, '\n'); line && line[1] != '\r'; line = strchr(line + 1, '\n')) {
    const char *text = line + 1;
    size_t n = strcspn(text, "\r\n");
    int is_md5 = !strncasecmp(text, "x-ms-blob-content-md5", 21);
    if (!is_md5 && strncasecmp(text, "x-ms-meta-", 10)) continue;
    if (at + n + 16 > 4096) break;
    if (is_md5) at += (size_t)sprintf(kept + at, "Content-MD5%.*s\r\n", (int)(n - 21), text + 21);
    else at += (size_t)sprintf(kept + at, "%.*s\r\n", (int)n, text);
  }
  kept[at] = 0;
  return kept;
}

static const char *fixed =
    "x-ms-version: 2026-02-06\r\nx-ms-request-id: 00000000-0000-0000-0000-000000000001\r\n"
    "Date: Mon, 23 Nov 2026 12:00:00 GMT\r\nLast-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
    "x-ms-blob-type: BlockBlob\r\nx-ms-type: File\r\nAccept-Ranges: bytes\r\n"
    "x-ms-request-server-encrypted: true\r\n";

static int answer(Conn *c, const char *status, const char *more, const char *body) {
  char text[8192];
  int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sETag: \"0x1\"\r\n%sContent-Length: %zu\r\n\r\n%s",
                   status, fixed, more, strlen(body), body);
  return give(c, text, (size_t)n);
}

// Percent-encoding is undone in place: some clients escape the slashes of a name.
static void decode(char *text) {
  char *to = text;
  unsigned byte;
  for (char *from = text; *from; to++, from++) {
    if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1) *to = (char)byte, from += 2;
    else *to = *from;
  }
  *to = 0;
}

typedef struct {
  char *body, prefix[1024];
  size_t length, room;
  long start, page, index, shown;
} Listing;

// Gives 0 when the page is full.
static int show(Listing *l, const char *path, const char *container, long long size, const char *kept) {
  size_t n = strlen(container);
  if (strncmp(path, container, n) || strncmp(path + n, l->prefix, strlen(l->prefix))) return 1;
  if (l->index++ < l->start) return 1;
  if (l->shown == l->page) return 0;
  l->shown++;
  char md5[128] = "", metadata[4096] = "";
  size_t at = 0;
  for (const char *line = kept; line && *line; line = strchr(line, '\n') + 1) {
    char name[256], value[1024];
    if (sscanf(line, "Content-MD5: %127[^\r]", md5) == 1) continue;
    if (strncasecmp(line, "x-ms-meta-", 10) || sscanf(line + 10, "%255[^:]: %1023[^\r]", name, value) != 2) continue;
    if (at + 2400 < sizeof metadata) at += (size_t)sprintf(metadata + at, "<%s>%s</%s>", name, value, name);
  }
  if (l->length + 8192 > l->room) l->body = realloc(l->body, l->room *= 2);
  l->length += (size_t)sprintf(l->body + l->length,
      "<Blob><Name>%s</Name><Properties><Creation-Time>Mon, 23 Nov 2026 12:00:00 GMT</Creation-Time>"
      "<Last-Modified>Mon, 23 Nov 2026 12:00:00 GMT</Last-Modified><Etag>0x1</Etag><Content-Length>%lld</Content-Length>"
      "<Content-Type>application/octet-stream</Content-Type><Content-Encoding /><Content-Language /><Content-CRC64 />"
      "<Content-MD5>%s</Content-MD5><Cache-Control /><Content-Disposition /><BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>"
      "<AccessTierInferred>true</AccessTierInferred><LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
      "<ServerEncrypted>true</ServerEncrypted></Properties><Metadata>%s</Metadata><OrMetadata /></Blob>",
      path + n, size, md5, metadata);
  return 1;
}

static int answer_list(Conn *c, const char *path, const char *query) {
  char marker[64] = "", most[16] = "5000", container[4104], *at;
  Listing l = {.room = 1 << 20, .body = malloc(1 << 20)};
  if ((at = strstr(query, "prefix="))) sscanf(at + 7, "%1023[^& ]", l.prefix);
  if ((at = strstr(query, "marker="))) sscanf(at + 7, "%63[^& ]", marker);
  if ((at = strstr(query, "maxresults="))) sscanf(at + 11, "%15[^& ]", most);
  decode(l.prefix);
  snprintf(container, sizeof container, "%s/", path);
  l.start = atol(marker);
  l.page = atol(most) > 0 && atol(most) < 5000 ? atol(most) : 5000;
  l.length = (size_t)sprintf(l.body, "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults "
      "ServiceEndpoint=\"https://sink/\" ContainerName=\"c\"><Blobs>");
  int goes_on = 1;
  for (int f = 0; f < family_count && goes_on; f++) {
    char *prefix = families[f].prefix;
    size_t n = strlen(container), wanted = strlen(l.prefix);
    long i = 0;
    // Pages behind the first begin where they begin, if all of the family is in the listing.
    if (!strncmp(prefix, container, n) && strlen(prefix + n) >= wanted && !strncmp(prefix + n, l.prefix, wanted) && l.start > l.index) {
      i = l.start - l.index < families[f].count ? l.start - l.index : families[f].count;
      l.index += i;
    }
    for (; i < families[f].count && goes_on; i++) {
      char name[1024];
      snprintf(name, sizeof name, "%.511sf%06ld", prefix, i);
      goes_on = show(&l, name, container, families[f].size, NULL);
    }
  }
  pthread_mutex_lock(&names_lock);
  for (long i = 0; i < listed_count && goes_on; i++)
    goes_on = show(&l, listed[i]->path, container, listed[i]->size, listed[i]->kept);
  pthread_mutex_unlock(&names_lock);
  l.length += goes_on ? (size_t)sprintf(l.body + l.length, "</Blobs><NextMarker /></EnumerationResults>")
                      : (size_t)sprintf(l.body + l.length, "</Blobs><NextMarker>%ld</NextMarker></EnumerationResults>", l.start + l.page);
  char head[2048];
  int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%sContent-Type: application/xml\r\nContent-Length: %zu\r\n\r\n", fixed, l.length);
  int failed = give(c, head, (size_t)n) || give(c, l.body, l.length);
  pay(c, l.length);
  free(l.body);
  return failed;
}

static int answer_read(Conn *c, const char *path, const char *head, int is_head) {
  char kept[4096] = "", range[128];
  long long size;
  pthread_mutex_lock(&names_lock);
  Name *n = name_at(path, 0);
  size = n && n->size >= 0 ? n->size : promised_size(path);
  if (n && n->kept) snprintf(kept, sizeof kept, "%s", n->kept);
  pthread_mutex_unlock(&names_lock);
  if (size < 0)
    return answer(c, "404 The specified blob does not exist.", "x-ms-error-code: BlobNotFound\r\n",
                  is_head ? "" : "<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code><Message>no</Message></Error>");
  long long from = 0, to = size - 1;
  int is_range = header(head, "x-ms-range", range, sizeof range) || header(head, "range", range, sizeof range);
  if (is_range && sscanf(range, "bytes=%lld-%lld", &from, &to) < 1) return -1;
  if (to > size - 1) to = size - 1;
  if (is_range && from > to)
    return answer(c, "416 Range", "x-ms-error-code: InvalidRange\r\n", "");
  char text[8192];
  int at = snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sETag: \"0x1\"\r\n%sContent-Type: application/octet-stream\r\nContent-Length: %lld\r\n",
                    is_range ? "206 Partial Content" : "200 OK", fixed, kept, to - from + 1);
  if (is_range) at += snprintf(text + at, sizeof text - (size_t)at, "Content-Range: bytes %lld-%lld/%lld\r\n", from, to, size);
  at += snprintf(text + at, sizeof text - (size_t)at, "\r\n");
  // One record for a small answer.
  if (!is_head && to - from + 1 <= 32768) {
    char whole[8192 + 32768];
    memcpy(whole, text, (size_t)at);
    memcpy(whole + at, pattern + from % PATTERN, (size_t)(to - from + 1));
    pay(c, (size_t)(to - from + 1));
    return give(c, whole, (size_t)at + (size_t)(to - from + 1));
  }
  if (give(c, text, (size_t)at)) return -1;
  return is_head ? 0 : send_pattern(c, from, to - from + 1);
}

static void remember(const char *path, const char *query, const char *head, long long size) {
  char text[64];
  pthread_mutex_lock(&names_lock);
  Name *n = name_at(path, 1);
  int was_listed = n->size >= 0;
  if (strstr(query, "comp=blocklist")) {
    n->size = n->blocks;
    n->blocks = 0;
  } else if (strstr(query, "comp=block")) n->blocks += size;
  else if (!strstr(query, "comp=") && !strstr(query, "restype="))
    n->size = header(head, "x-ms-content-length", text, sizeof text) ? atoll(text) : size;
  if (!strstr(query, "comp=block&")) {
    char *kept = kept_headers(head);
    if (*kept || !n->kept) { free(n->kept); n->kept = kept; } else free(kept);
  }
  if (!was_listed && n->size >= 0) {
    if (listed_count == listed_room) listed = realloc(listed, (size_t)(listed_room = listed_room * 2 + 1024) * sizeof *listed);
    listed[listed_count++] = n;
  }
  pthread_mutex_unlock(&names_lock);
}

// One request from the head in `c->in`; gives 0 when the connection may go on.
static int serve(Conn *c, char *head) {
  char method[16], url[4096], text[128], path[4096];
  if (sscanf(head, "%15s %4095s", method, url) != 2) return -1;
  char *query = strchr(url, '?');
  snprintf(path, sizeof path, "%.*s", query ? (int)(query - url) : (int)strlen(url), url);
  if (!query) query = "";
  decode(path);
  long long size = header(head, "content-length", text, sizeof text) ? atoll(text) : 0;
  if (header(head, "expect", text, sizeof text) && give(c, "HTTP/1.1 100 Continue\r\n\r\n", 25)) return -1;
  if (discard(c, size)) return -1;
  if (latency_s > 0) sleep_until(now_s() + latency_s);
  if (!strcmp(method, "PUT")) {
    remember(path, query, head, size);
    return answer(c, "201 Created", "", "");
  }
  if (!strcmp(method, "DELETE")) return answer(c, "202 Accepted", "", "");
  if (!strcmp(method, "POST"))
    return answer(c, "200 OK", "Content-Type: application/json\r\n",
                  "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"bench\"}");
  if (strstr(path, "/v1/id-token"))
    return answer(c, "200 OK", "Content-Type: application/json\r\n",
                  "{\"value\":\"e30.e30.e30\",\"count\":11,\"identity\":{\"name\":\"bench\",\"tenant_id\":\"bench\",\"client_id\":\"bench\"}}");
  if (strstr(query, "comp=list")) return answer_list(c, path, query);
  if (strstr(query, "comp=blocklist"))
    return answer(c, "200 OK", "Content-Type: application/xml\r\n",
                  "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><CommittedBlocks /><UncommittedBlocks /></BlockList>");
  if (strstr(query, "restype=container") || strstr(query, "restype=share") || strstr(query, "restype=directory"))
    return answer(c, "200 OK", "", "");
  return answer_read(c, path, head, !strcmp(method, "HEAD"));
}

static void *connection(void *given) {
  Conn *c = given;
  if (tls) {
    c->ssl = SSL_new(tls);
    SSL_set_fd(c->ssl, c->fd);
    if (SSL_accept(c->ssl) != 1) goto end;
  }
  for (;;) {
    char *end;
    while (!(end = memmem(c->in, c->filled, "\r\n\r\n", 4))) {
      if (c->filled == HEAD_MAX) goto end;
      ssize_t n = take(c, c->in + c->filled, HEAD_MAX - c->filled);
      if (n <= 0) goto end;
      c->filled += (size_t)n;
    }
    size_t length = (size_t)(end - c->in) + 4;
    char *head = strndup(c->in, length);
    memmove(c->in, c->in + length, c->filled -= length);
    int failed = serve(c, head);
    free(head);
    if (failed) break;
  }
end:
  if (c->ssl) SSL_free(c->ssl);
  close(c->fd);
  free(c);
  return NULL;
}

int main(int count, char **args) {
  int option, is_plain = 0;
  while ((option = getopt(count, args, "l:b:t:n:p")) != -1) {
    if (option == 'l') latency_s = atof(optarg) / 1e3;
    else if (option == 'b') conn_rate = atof(optarg) * 1e6;
    else if (option == 't') total_rate = atof(optarg) * 1e6;
    else if (option == 'n') {
      Family *f = &families[family_count++];
      if (sscanf(optarg, "%511[^:]:%ld:%lld", f->prefix, &f->count, &f->size) != 3) return 2;
    } else if (option == 'p') is_plain = 1;
    else return 2;
  }
  if (count - optind != 3) return 2;
  signal(SIGPIPE, SIG_IGN);
  uint64_t seed = 88172645463325252ull;
  for (size_t i = 0; i < PATTERN; i += 8) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    memcpy(pattern + i, &seed, 8);
  }
  memcpy(pattern + PATTERN, pattern, PATTERN);
  if (!is_plain) {
    tls = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls, args[optind + 1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, args[optind + 2], SSL_FILETYPE_PEM) != 1) {
      ERR_print_errors_fp(stderr);
      return 1;
    }
  }
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(args[optind])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1024)) { perror("listen"); return 1; }
  socklen_t size = sizeof at;
  getsockname(listener, (struct sockaddr *)&at, &size);
  printf("listening %d\n", ntohs(at.sin_port));
  fflush(stdout);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 1 << 20);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Conn *c = calloc(1, sizeof *c);
    c->fd = fd;
    pthread_t thread;
    if (pthread_create(&thread, &small, connection, c)) { close(fd); free(c); continue; }
    pthread_detach(thread);
  }
}
