/* The load generator of the benchmarks: WebSocket clients of a Yjs server, in one thread, driven by a plan.
 *
 * `load PLAN` connects, waits until everybody has the document, sends the plan's messages at their times, and prints
 * one JSON object: latencies, the server's CPU time and memory at each mark, joins, what is missing. It decodes no Yjs:
 * each message carries a number of its stream where every server leaves it alone (see drawing.py), so that a delivery
 * is recognised whatever frame brings it. plan.py writes the plan and explains its lines.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef int64_t us_t;

enum { STREAM_BITS = 14, SEQ_BITS = 18 };          /* of the marker's low 32 bits */
static const u8 FLOAT_MAGIC[4] = {0x40, 0x8a, 0xc7, 0x5b}; /* the high half of a float64 near 856.9 */
static const char TEXT_MAGIC[4] = {'~', '7', 'K', 'q'};    /* then eight hex digits, in a JSON string */
enum { SYNC = 0, AWARENESS = 1, AUTH = 2, H_ACK = 8, H_PING = 9, H_PONG = 10, ACK = 102 };
enum { STEP1 = 0, STEP2 = 1, UPDATE = 2 };
enum { WATCHED = 1, ACKED = 2 };                   /* flags of a message */
enum { COUNTED = 1, RECORDED = 2 };                /* flags of a connection */
enum { IDLE, CONNECTING, UPGRADING, JOINING, JOINED, CLOSED };

typedef struct {
    int fd, state, room, flags;
    us_t join_at, leave_at, started, joined, whole;     /* `whole`: everything that was sent before has come */
    u8 *in; size_t in_len, in_cap;
    u8 *out; size_t out_len, out_cap;
    u8 *held; size_t held_len, held_cap;           /* frames that wait until it has joined */
    int wants_write;
    u8 *pending; size_t pending_len, pending_cap;  /* a fragmented message */
    uint32_t *last;                                /* the newest number seen of each stream of the room */
    int *acks; size_t ack_head, ack_len, ack_cap;  /* Hocuspocus answers in order; -1 for a step 2 */
    int close_code, leaving;                       /* it has said goodbye, and reads on until it is answered */
} Conn;
typedef struct { int conns, streams, counted; } Room;
typedef struct { int room, conn, index, is_update; uint32_t sent, count; us_t *sent_at; int *msg; int *waiting; } Stream;
typedef struct { us_t at; int conn, stream; uint32_t seq; int kind, flags; size_t off, len; us_t done; } Msg;
enum { BUCKETS = 2048 + 256 * 32 };
typedef struct { uint32_t *n; uint64_t total; us_t max; } Hist;
typedef struct {
    us_t at, t; double server_cpu_us, own_cpu_us, rss_kb; uint64_t deliveries, frames, bytes, sends; int fds;
    Hist update, awareness, ack; us_t max_lag;
} Mark;

static Conn *conns; static Room *rooms; static Stream *streams; static Msg *msgs; static Mark *marks;
static int n_conns, n_rooms, n_streams, n_msgs, n_marks, n_pids, pids[64];
static char host[64], path[256], prefix[128];
static int port, is_hocuspocus, concurrency = 64, ep, timer;
static double join_timeout_s = 60, settle_s = 20;
static u8 *blob; static FILE *record;
static us_t t0, timer_for = -1;
static uint64_t deliveries, expected, frames, bytes_in, sends;
static int joined_count, refused, closed_early, malformed, interval = -1, in_flight;
static char first_fault[256];
#define BIG (4 << 20)
static u8 shared[BIG];

static us_t now_us(void) {
    struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (us_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static void die(const char *format, ...) {
    va_list list; va_start(list, format); fprintf(stderr, "load: "); vfprintf(stderr, format, list); fputc('\n', stderr);
    va_end(list); exit(1);
}
static void fault(const char *format, ...) {
    if (first_fault[0]) return;
    va_list list; va_start(list, format); vsnprintf(first_fault, sizeof first_fault, format, list); va_end(list);
    for (char *c = first_fault; *c; c++) if (*c == '"' || *c == '\\' || (u8)*c < 32) *c = '\'';
}
static void *grow(void *old, size_t size) { void *p = realloc(old, size); if (!p) die("out of memory"); return p; }
static void append(u8 **buffer, size_t *len, size_t *cap, const u8 *data, size_t size) {
    if (*len + size > *cap) { *cap = (*len + size) * 2 + 512; *buffer = grow(*buffer, *cap); }
    memcpy(*buffer + *len, data, size); *len += size;
}

/* ---- histogram: exact below 2 ms, then 256 steps to each doubling */
static int bucket(us_t v) {
    if (v < 0) v = 0;
    if (v < 2048) return (int)v;
    int e = 63 - __builtin_clzll((uint64_t)v);     /* >= 11 */
    int b = 2048 + (e - 11) * 256 + (int)((v >> (e - 8)) & 255);
    return b < BUCKETS ? b : BUCKETS - 1;
}
static double value_of(int b) {
    if (b < 2048) return b;
    int e = (b - 2048) / 256 + 11; return (double)((256LL + (b - 2048) % 256) << (e - 8));
}
static void note(Hist *h, us_t v, uint32_t times) {
    if (!h->n) { h->n = grow(NULL, BUCKETS * sizeof *h->n); memset(h->n, 0, BUCKETS * sizeof *h->n); }
    h->n[bucket(v)] += times; h->total += times; if (v > h->max) h->max = v;
}
static double quantile(const Hist *a, const Hist *b, double q) {
    uint64_t total = a->total + (b ? b->total : 0), sum = 0; if (!total) return -1;
    uint64_t rank = (uint64_t)(q * (double)(total - 1)) + 1;
    for (int i = 0; i < BUCKETS; i++) {
        sum += (a->n ? a->n[i] : 0) + (b && b->n ? b->n[i] : 0);
        if (sum >= rank) return value_of(i);
    }
    return -1;
}

/* ---- the server's process: CPU time in ns of all its threads, resident memory, descriptors */
static double cpu_us_of(int pid) {
    char name[64], text[128]; double sum = 0; snprintf(name, sizeof name, "/proc/%d/task", pid);
    DIR *tasks = opendir(name); if (!tasks) return 0;
    for (struct dirent *e; (e = readdir(tasks));) {
        if (e->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "/proc/%d/task/%.16s/schedstat", pid, e->d_name);
        int fd = open(name, O_RDONLY); if (fd < 0) continue;
        ssize_t got = read(fd, text, sizeof text - 1); close(fd);
        if (got > 0) { text[got] = 0; sum += strtod(text, NULL) / 1000.0; }
    }
    closedir(tasks);
    if (sum > 0) return sum;
    snprintf(name, sizeof name, "/proc/%d/stat", pid);  /* a kernel without schedstat: in ticks of 10 ms */
    FILE *f = fopen(name, "r"); if (!f) return 0;
    char line[1024]; unsigned long user = 0, system = 0; char *after = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL; fclose(f);
    if (after) sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}
static double status_kb(int pid, const char *file, const char *field) {
    char name[64], line[256]; double kb = 0; snprintf(name, sizeof name, "/proc/%d/%s", pid, file);
    FILE *f = fopen(name, "r"); if (!f) return 0;
    while (fgets(line, sizeof line, f)) if (!strncmp(line, field, strlen(field))) { kb = strtod(line + strlen(field), NULL); break; }
    fclose(f); return kb;
}
static int fds_of(int pid) {
    char name[64]; int n = 0; snprintf(name, sizeof name, "/proc/%d/fd", pid);
    DIR *d = opendir(name); if (!d) return 0;
    while (readdir(d)) n++;
    closedir(d); return n - 2;
}
static double own_cpu_us(void) {
    struct rusage u; getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}
static void take_mark(int i) {
    Mark *m = &marks[i]; m->t = now_us() - t0; m->server_cpu_us = m->rss_kb = 0; m->fds = 0;
    for (int p = 0; p < n_pids; p++) {
        m->server_cpu_us += cpu_us_of(pids[p]); m->rss_kb += status_kb(pids[p], "status", "VmRSS:"); m->fds += fds_of(pids[p]);
    }
    m->own_cpu_us = own_cpu_us(); m->deliveries = deliveries; m->frames = frames; m->bytes = bytes_in; m->sends = sends;
    interval = i;
}

/* ---- sending */
static void watch(Conn *c, int wants_write) {
    if (c->wants_write == wants_write) return;
    struct epoll_event e = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.u32 = (uint32_t)(c - conns)};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); c->wants_write = wants_write;
}
static void over(Conn *c, int is_ours) {
    if (c->state == CLOSED || c->state == IDLE) return;
    is_ours |= c->leaving;
    if (c->state < JOINED) { in_flight--; if (!is_ours) refused++; } else if (!is_ours) closed_early++;
    if (!is_ours) fault("connection %d ended in state %d with close code %d", (int)(c - conns), c->state, c->close_code);
    close(c->fd); c->fd = -1; c->state = CLOSED; free(c->in); c->in = NULL; c->in_len = c->in_cap = 0;
}
static void raw_send(Conn *c, const u8 *data, size_t size) {
    if (c->state == CLOSED) return;
    if (!c->out_len) {
        ssize_t done = send(c->fd, data, size, MSG_NOSIGNAL);
        if (done == (ssize_t)size) return;
        if (done < 0) { if (errno != EAGAIN) { over(c, 0); return; } done = 0; }
        data += done; size -= (size_t)done;
    }
    append(&c->out, &c->out_len, &c->out_cap, data, size); watch(c, 1);
}
static void flush(Conn *c) {
    ssize_t done = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
    if (done < 0) { if (errno != EAGAIN) over(c, 0); return; }
    memmove(c->out, c->out + done, c->out_len - (size_t)done); c->out_len -= (size_t)done;
    if (!c->out_len) watch(c, 0);
}
/* One WebSocket frame from parts; `scratch` keeps the whole for one write. */
static u8 *scratch; static size_t scratch_len, scratch_cap;
static void frame_begin(int opcode, size_t size) {
    u8 head[14]; size_t n = 2; scratch_len = 0; head[0] = (u8)(0x80 | opcode);
    if (size < 126) head[1] = (u8)(0x80 | size);
    else if (size < 65536) { head[1] = 0x80 | 126; head[2] = (u8)(size >> 8); head[3] = (u8)size; n = 4; }
    else { head[1] = 0x80 | 127; for (int i = 0; i < 8; i++) head[2 + i] = (u8)((uint64_t)size >> (56 - 8 * i)); n = 10; }
    static const u8 mask[4] = {0x5a, 0x1c, 0x93, 0xe7}; memcpy(head + n, mask, 4); n += 4;
    append(&scratch, &scratch_len, &scratch_cap, head, n);
}
static void frame_add(const u8 *data, size_t size, size_t *at) {
    static const u8 mask[4] = {0x5a, 0x1c, 0x93, 0xe7}; size_t from = scratch_len;
    append(&scratch, &scratch_len, &scratch_cap, data, size);
    for (size_t i = 0; i < size; i++) scratch[from + i] ^= mask[(*at + i) & 3];
    *at += size;
}
static size_t key_of(const Conn *c, u8 *out) {      /* Hocuspocus: every frame begins with the document's name */
    if (!is_hocuspocus) return 0;
    char name[160]; int n = snprintf(name, sizeof name, "%s%d", prefix, c->room);
    out[0] = (u8)n; memcpy(out + 1, name, (size_t)n); return (size_t)n + 1; /* names are shorter than 128 bytes */
}
static void send_message(Conn *c, const u8 *data, size_t size) {
    u8 key[192]; size_t k = key_of(c, key), at = 0;
    frame_begin(2, k + size); frame_add(key, k, &at); frame_add(data, size, &at); raw_send(c, scratch, scratch_len);
}
static void push_ack(Conn *c, int msg) {
    if (c->ack_len == c->ack_cap) { c->ack_cap = c->ack_cap * 2 + 16; c->acks = grow(c->acks, c->ack_cap * sizeof *c->acks); }
    c->acks[c->ack_len++] = msg;
}

/* ---- receiving */
static Mark *window_of(us_t sent) {                /* the marks between which it was sent, however late it comes */
    int k = interval;
    while (k >= 0 && marks[k].t > sent) k--;
    return k >= 0 && k < n_marks - 1 ? &marks[k] : NULL;
}
static int is_whole(const Conn *c) {
    for (int i = 0; i < n_streams; i++)
        if (streams[i].room == c->room && streams[i].is_update && c->last[streams[i].index] < streams[i].sent) return 0;
    return 1;
}
static void saw(Conn *c, uint32_t word, int kind, us_t now) {
    uint32_t id = word >> SEQ_BITS, seq = word & ((1u << SEQ_BITS) - 1);
    if ((int)id >= n_streams) return;
    Stream *s = &streams[id];
    if (s->room != c->room || seq > s->sent) return;
    uint32_t *last = &c->last[s->index];
    if (seq <= *last) return;
    if ((c->flags & COUNTED) && &conns[s->conn] != c && c->state == JOINED) {
        for (uint32_t n = *last + 1; n <= seq; n++) {
            deliveries++;
            Msg *m = &msgs[s->msg[n]];
            Mark *w = window_of(s->sent_at[n]);
            if (w) note(kind == AWARENESS ? &w->awareness : &w->update, now - t0 - s->sent_at[n], 1);
            if ((m->flags & WATCHED) && --s->waiting[n] == 0) m->done = now - t0;
        }
    }
    *last = seq;
    if (!(c->flags & COUNTED) && !c->whole && is_whole(c)) c->whole = now;
}
static void find_floats(Conn *c, const u8 *data, size_t size, us_t now) {
    const u8 *at = data, *end = data + size;
    while (end - at >= 8 && (at = memchr(at, FLOAT_MAGIC[2], (size_t)(end - at)))) {
        if (at - data >= 2 && end - at >= 6 && !memcmp(at - 2, FLOAT_MAGIC, 4))
            saw(c, (uint32_t)at[2] << 24 | (uint32_t)at[3] << 16 | (uint32_t)at[4] << 8 | at[5], SYNC, now);
        at++;
    }
}
static void find_texts(Conn *c, const u8 *data, size_t size, us_t now) {
    const u8 *at = data, *end = data + size;
    while (end - at >= 12 && (at = memchr(at, TEXT_MAGIC[0], (size_t)(end - at)))) {
        if (end - at >= 12 && !memcmp(at, TEXT_MAGIC, 4)) {
            uint32_t word = 0;
            for (int i = 4; i < 12; i++) { u8 d = at[i]; word = word << 4 | (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10); }
            saw(c, word, AWARENESS, now);
        }
        at++;
    }
}
static void acked(int msg, us_t now) {
    if (msg < 0 || msg >= n_msgs || !(msgs[msg].flags & ACKED)) return;
    us_t sent = streams[msgs[msg].stream].sent_at[msgs[msg].seq];
    Mark *w = window_of(sent);
    if (w) note(&w->ack, now - t0 - sent, 1);
    msgs[msg].flags &= ~ACKED;
}
static void on_message(Conn *c, const u8 *data, size_t size) {
    us_t now = now_us(); frames++;
    if (is_hocuspocus) {
        if (size == 1 && data[0] == H_PING) { u8 pong = H_PONG; size_t at = 0; frame_begin(2, 1); frame_add(&pong, 1, &at); raw_send(c, scratch, scratch_len); return; }
        if (size < 2 || data[0] >= 128 || (size_t)data[0] + 2 > size) { malformed++; return; }
        size -= (size_t)data[0] + 1; data += data[0] + 1;
    }
    if (size < 2) return;
    if (data[0] == SYNC && data[1] == STEP1) {
        static const u8 nothing[] = {SYNC, STEP2, 2, 0, 0};
        if (is_hocuspocus) push_ack(c, -1);
        send_message(c, nothing, sizeof nothing);
    } else if (data[0] == SYNC) {
        find_floats(c, data + 2, size - 2, now);
        if (c->flags & RECORDED && record) {
            uint32_t head[2] = {(uint32_t)(c - conns), (uint32_t)size - 2};
            fwrite(head, sizeof head, 1, record); fwrite(data + 2, 1, size - 2, record);
        }
        if (data[1] == STEP2 && c->state == JOINING) {
            c->state = JOINED; c->joined = now; joined_count++; in_flight--;
            if (c->held_len) { raw_send(c, c->held, c->held_len); c->held_len = 0; }
            if (!(c->flags & COUNTED) && !c->whole && is_whole(c)) c->whole = now;
        }
    } else if (data[0] == AWARENESS) find_texts(c, data + 1, size - 1, now);
    else if (!is_hocuspocus && data[0] == ACK && size == 6)
        acked((int)((uint32_t)data[2] << 24 | (uint32_t)data[3] << 16 | (uint32_t)data[4] << 8 | data[5]), now);
    else if (is_hocuspocus && data[0] == H_ACK && c->ack_head < c->ack_len) {
        int msg = c->acks[c->ack_head++];
        if (data[1] != 1) { fault("an update was refused"); malformed++; }
        acked(msg, now);
    } else if (is_hocuspocus && data[0] == AUTH && size > 1 && data[1] == 1) { fault("not let in"); over(c, 0); }
    else if (!is_hocuspocus && data[0] == AUTH) { fault("not let in"); over(c, 0); }
}
/* Consumes whole frames; returns how many bytes were used, and in *need how long the next frame is, if known. */
static size_t parse(Conn *c, u8 *data, size_t size, size_t *need) {
    size_t used = 0; *need = 0;
    while (size - used >= 2 && c->state != CLOSED) {
        u8 *f = data + used; size_t left = size - used, head = 2; uint64_t n = f[1] & 127;
        if (n == 126) { head = 4; if (left < 4) break; n = (uint64_t)f[2] << 8 | f[3]; }
        else if (n == 127) { head = 10; if (left < 10) break; n = 0; for (int i = 0; i < 8; i++) n = n << 8 | f[2 + i]; }
        if (f[1] & 128) { malformed++; fault("a masked frame from the server"); over(c, 0); break; }
        if (left < head + n) { *need = head + n; break; }
        int opcode = f[0] & 15, fin = f[0] & 128; u8 *body = f + head; used += head + n;
        if (opcode == 8) { c->close_code = n >= 2 ? body[0] << 8 | body[1] : 1005; over(c, 0); break; }
        if (opcode == 9) { size_t at = 0; frame_begin(10, n); frame_add(body, n, &at); raw_send(c, scratch, scratch_len); continue; }
        if (opcode == 10) continue;
        if (opcode == 1) continue;                  /* nobody speaks text here */
        if (fin && opcode == 2) { on_message(c, body, n); continue; }
        if (opcode == 2) c->pending_len = 0;
        append(&c->pending, &c->pending_len, &c->pending_cap, body, n);
        if (fin) on_message(c, c->pending, c->pending_len);
    }
    return used;
}
static void upgraded(Conn *c) {
    static const u8 step1[] = {SYNC, STEP1, 1, 0}; c->state = JOINING;
    if (is_hocuspocus) {
        static const u8 auth[] = {AUTH, 0, 0, 5, '4', '.', '8', '.', '0'};
        send_message(c, auth, sizeof auth);
    }
    send_message(c, step1, sizeof step1);
}
static void on_data(Conn *c, u8 *data, size_t size) {  /* data is c->in or `shared` */
    size_t used = 0, need = 0;
    if (c->state == UPGRADING) {
        u8 *end = memmem(data, size, "\r\n\r\n", 4);
        if (end) {
            if (size < 12 || memcmp(data + 9, "101", 3)) { fault("the handshake was answered with: %.40s", (char *)data); over(c, 0); return; }
            used = (size_t)(end - data) + 4; upgraded(c);
        }
    }
    if (c->state >= JOINING && c->state != CLOSED) used += parse(c, data + used, size - used, &need);
    if (c->state == CLOSED) return;
    size_t left = size - used;
    if (data == c->in) { memmove(c->in, c->in + used, left); c->in_len = left; }
    else if (left) { c->in_len = 0; append(&c->in, &c->in_len, &c->in_cap, data + used, left); }
    if (need > c->in_cap) { c->in_cap = need + 4096; c->in = grow(c->in, c->in_cap); }
    if (!left && c->in_cap > 65536) { free(c->in); c->in = NULL; c->in_cap = 0; }
}
static void readable(Conn *c) {
    if (!c->in_len) {
        ssize_t got = recv(c->fd, shared, 256 << 10, 0);
        if (got > 0) { bytes_in += (uint64_t)got; on_data(c, shared, (size_t)got); }
        else if (got == 0 || errno != EAGAIN) over(c, 0);
        return;
    }
    if (c->in_cap - c->in_len < 65536) { c->in_cap = c->in_cap * 2 + 65536; c->in = grow(c->in, c->in_cap); }
    ssize_t got = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
    if (got > 0) { bytes_in += (uint64_t)got; c->in_len += (size_t)got; on_data(c, c->in, c->in_len); }
    else if (got == 0 || errno != EAGAIN) over(c, 0);
}
static void connect_one(Conn *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("no socket for connection %d: %s (raise `ulimit -n`)", (int)(c - conns), strerror(errno));
    int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}; inet_pton(AF_INET, host, &to.sin_addr);
    c->started = now_us(); c->state = CONNECTING; in_flight++;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) { over(c, 0); return; }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.u32 = (uint32_t)(c - conns)};
    c->wants_write = 1; epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
}
static void writable(Conn *c) {
    if (c->state == CONNECTING) {
        int error = 0; socklen_t n = sizeof error; getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
        if (error) { over(c, 0); return; }
        char head[1024], room[32] = ""; if (!is_hocuspocus) snprintf(room, sizeof room, "%d", c->room);
        int size = snprintf(head, sizeof head,
            "GET %s%s%s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            path, is_hocuspocus ? "" : prefix, room, host, port);
        c->state = UPGRADING; watch(c, 0); raw_send(c, (u8 *)head, (size_t)size); return;
    }
    if (c->out_len) flush(c); else watch(c, 0);
}

/* ---- the plan's clock */
static int next_msg, next_mark, next_late, *late; static int n_late, next_leave, *leaves, n_leaves, *postponed, n_postponed;
static int by_join(const void *a, const void *b) { us_t x = conns[*(int *)a].join_at, y = conns[*(int *)b].join_at; return (x > y) - (x < y); }
static int by_leave(const void *a, const void *b) { us_t x = conns[*(int *)a].leave_at, y = conns[*(int *)b].leave_at; return (x > y) - (x < y); }
static us_t next_due(void) {
    us_t due = INT64_MAX;
    if (next_msg < n_msgs && msgs[next_msg].at < due) due = msgs[next_msg].at;
    if (next_mark < n_marks && marks[next_mark].at < due) due = marks[next_mark].at;
    if (next_late < n_late && conns[late[next_late]].join_at < due) due = conns[late[next_late]].join_at;
    if (next_leave < n_leaves && conns[leaves[next_leave]].leave_at < due) due = conns[leaves[next_leave]].leave_at;
    return due;
}
static void send_planned(Msg *m, int index) {
    Conn *c = &conns[m->conn]; Stream *s = &streams[m->stream]; us_t now = now_us() - t0;
    if (interval >= 0 && now - m->at > marks[interval].max_lag) marks[interval].max_lag = now - m->at;
    if (m->seq != s->sent + 1) die("stream %d sends %u after %u", m->stream, m->seq, s->sent);
    s->sent = m->seq; s->sent_at[m->seq] = now; s->waiting[m->seq] = rooms[s->room].counted - ((c->flags & COUNTED) ? 1 : 0);
    expected += (uint64_t)s->waiting[m->seq];
    if (c->state == CLOSED || c->state == IDLE) { fault("connection %d was to send and was not there", m->conn); return; }
    if (is_hocuspocus && m->kind == SYNC) push_ack(c, index);
    u8 key[192]; size_t k = key_of(c, key), at = 0;
    frame_begin(2, k + m->len); frame_add(key, k, &at); frame_add(blob + m->off, m->len, &at);
    if ((m->flags & ACKED) && !is_hocuspocus) {    /* the update and the question after it, in one write */
        u8 head[] = {0x82, 0x80 | 6, 0, 0, 0, 0, ACK, 4, (u8)(index >> 24), (u8)(index >> 16), (u8)(index >> 8), (u8)index};
        append(&scratch, &scratch_len, &scratch_cap, head, sizeof head);
    }
    sends++;
    if (c->state == JOINED) raw_send(c, scratch, scratch_len);
    else append(&c->held, &c->held_len, &c->held_cap, scratch, scratch_len);
}
static void leave_when_said(void) {                /* who is still to be let in, or to be heard, stays so long */
    for (int i = 0; i < n_postponed; i++) {
        Conn *c = &conns[postponed[i]];
        if (c->state == IDLE || (c->state < JOINED && c->state != CLOSED) || c->out_len) continue;
        /* A socket closed with something unread is reset, and takes along what the server has not read of it yet. */
        static const u8 normal[2] = {3, 0xe8}; size_t at = 0;
        if (c->state == JOINED) { frame_begin(8, 2); frame_add(normal, 2, &at); c->leaving = 1; raw_send(c, scratch, scratch_len); }
        postponed[i--] = postponed[--n_postponed];
    }
}
static void do_due(void) {
    for (;;) {
        us_t now = now_us() - t0;
        if (next_mark < n_marks && marks[next_mark].at <= now &&
            (next_msg >= n_msgs || marks[next_mark].at <= msgs[next_msg].at)) { take_mark(next_mark++); continue; }
        if (next_leave < n_leaves && conns[leaves[next_leave]].leave_at <= now) { postponed[n_postponed++] = leaves[next_leave++]; continue; }
        if (next_late < n_late && conns[late[next_late]].join_at <= now) { connect_one(&conns[late[next_late++]]); continue; }
        if (next_msg < n_msgs && msgs[next_msg].at <= now) { send_planned(&msgs[next_msg], next_msg); next_msg++; continue; }
        return;
    }
}
static void arm(us_t due) {
    if (due == timer_for) return;
    timer_for = due; us_t at = t0 + due;
    struct itimerspec when = {.it_value = {.tv_sec = at / 1000000, .tv_nsec = (at % 1000000) * 1000}};
    if (due == INT64_MAX) memset(&when, 0, sizeof when);
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}
static void turn(int timeout_ms, int is_timed) {
    static struct epoll_event events[256];
    if (is_timed) { do_due(); leave_when_said(); arm(next_due()); }
    int n = epoll_wait(ep, events, 256, timeout_ms);
    for (int i = 0; i < n; i++) {
        if (is_timed && now_us() - t0 >= timer_for) { do_due(); arm(next_due()); }
        if (events[i].data.u32 == UINT32_MAX) { uint64_t times; if (read(timer, &times, 8) < 0) continue; timer_for = -1; continue; }
        Conn *c = &conns[events[i].data.u32];
        if (c->state == CLOSED || c->state == IDLE) continue;
        if (events[i].events & EPOLLOUT) writable(c);
        if (c->state != CLOSED && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
    }
}

/* ---- the plan and the result */
static void read_plan(const char *name) {
    FILE *f = fopen(name, "r"); if (!f) die("cannot read %s", name);
    char word[32], text[512]; int cap = 0;
    while (fscanf(f, "%31s", word) == 1) {
        if (!strcmp(word, "server")) { if (fscanf(f, "%63s %d", host, &port) != 2) die("server"); }
        else if (!strcmp(word, "dialect")) { if (fscanf(f, "%511s", text) != 1) die("dialect"); is_hocuspocus = text[0] == 'h'; }
        else if (!strcmp(word, "path")) { if (fscanf(f, "%255s", path) != 1) die("path"); }
        else if (!strcmp(word, "prefix")) { if (fscanf(f, "%127s", prefix) != 1) die("prefix"); }
        else if (!strcmp(word, "concurrency")) { if (fscanf(f, "%d", &concurrency) != 1) die("concurrency"); }
        else if (!strcmp(word, "join_timeout")) { if (fscanf(f, "%lf", &join_timeout_s) != 1) die("join_timeout"); }
        else if (!strcmp(word, "settle")) { if (fscanf(f, "%lf", &settle_s) != 1) die("settle"); }
        else if (!strcmp(word, "pid")) { if (n_pids == 64 || fscanf(f, "%d", &pids[n_pids++]) != 1) die("pid"); }
        else if (!strcmp(word, "record")) { if (fscanf(f, "%511s", text) != 1 || !(record = fopen(text, "wb"))) die("record"); }
        else if (!strcmp(word, "blob")) {
            size_t size; if (fscanf(f, "%511s %zu", text, &size) != 2) die("blob");
            blob = grow(NULL, size + 1); FILE *b = fopen(text, "rb"); if (!b || fread(blob, 1, size, b) != size) die("cannot read %s", text);
            fclose(b);
        } else if (!strcmp(word, "rooms")) { if (fscanf(f, "%d", &n_rooms) != 1) die("rooms"); rooms = calloc((size_t)n_rooms, sizeof *rooms); }
        else if (!strcmp(word, "conns")) { if (fscanf(f, "%d", &cap) != 1) die("conns"); conns = calloc((size_t)cap, sizeof *conns); }
        else if (!strcmp(word, "streams")) { if (fscanf(f, "%d", &cap) != 1) die("streams"); streams = calloc((size_t)cap, sizeof *streams); }
        else if (!strcmp(word, "msgs")) { if (fscanf(f, "%d", &cap) != 1) die("msgs"); msgs = calloc((size_t)cap, sizeof *msgs); }
        else if (!strcmp(word, "marks")) { if (fscanf(f, "%d", &cap) != 1) die("marks"); marks = calloc((size_t)cap, sizeof *marks); }
        else if (!strcmp(word, "c")) {
            Conn *c = &conns[n_conns++]; c->fd = -1; long long a, b;
            if (fscanf(f, "%d %lld %lld %d", &c->room, &a, &b, &c->flags) != 4 || c->room >= n_rooms) die("c");
            c->join_at = a; c->leave_at = b; rooms[c->room].conns++;
            if (c->flags & COUNTED) rooms[c->room].counted++;
        } else if (!strcmp(word, "s")) {
            Stream *s = &streams[n_streams++];
            if (fscanf(f, "%d %u", &s->conn, &s->count) != 2 || s->conn >= n_conns) die("s");
            s->room = conns[s->conn].room; s->index = rooms[s->room].streams++;
            size_t n = (size_t)s->count + 1; s->sent_at = calloc(n, sizeof *s->sent_at); s->msg = calloc(n, sizeof *s->msg); s->waiting = calloc(n, sizeof *s->waiting);
        } else if (!strcmp(word, "m")) {
            Msg *m = &msgs[n_msgs]; long long at;
            if (fscanf(f, "%lld %d %d %u %d %d %zu %zu", &at, &m->conn, &m->stream, &m->seq, &m->kind, &m->flags, &m->off, &m->len) != 8) die("m");
            if (m->stream >= n_streams || m->seq > streams[m->stream].count) die("message %d", n_msgs);
            m->at = at; m->done = -1; streams[m->stream].is_update = m->kind == SYNC; streams[m->stream].msg[m->seq] = n_msgs++;
        } else if (!strcmp(word, "before")) {      /* a stream that was sent in an earlier plan */
            int i; uint32_t seq; if (fscanf(f, "%d %u", &i, &seq) != 2 || i >= n_streams) die("before");
            streams[i].sent = seq; streams[i].is_update = 1;
        } else if (!strcmp(word, "at")) { long long at; if (fscanf(f, "%lld", &at) != 1) die("at"); marks[n_marks++].at = at; }
        else die("the plan has %s", word);
    }
    fclose(f);
    late = calloc((size_t)n_conns + 1, sizeof *late); leaves = calloc((size_t)n_conns + 1, sizeof *leaves);
    postponed = calloc((size_t)n_conns + 1, sizeof *postponed);
    for (int i = 0; i < n_conns; i++) {
        conns[i].last = calloc((size_t)rooms[conns[i].room].streams + 1, sizeof(uint32_t));
        if (conns[i].join_at >= 0) late[n_late++] = i;
        if (conns[i].leave_at >= 0) leaves[n_leaves++] = i;
    }
    qsort(late, (size_t)n_late, sizeof *late, by_join); qsort(leaves, (size_t)n_leaves, sizeof *leaves, by_leave);
}
static int late_and_not_whole(void) {
    for (int i = 0; i < n_late; i++) {
        const Conn *c = &conns[late[i]];
        if (c->leave_at < 0 && !c->whole && c->state != CLOSED) return 1;
    }
    return 0;
}
static void put_hist(const char *name, const Hist *a, const Hist *b) {
    uint64_t n = a->total + (b ? b->total : 0); us_t max = a->max; if (b && b->max > max) max = b->max;
    printf("\"%s\":{\"n\":%llu,\"p50\":%.0f,\"p99\":%.0f,\"max\":%lld}", name, (unsigned long long)n, quantile(a, b, .5), quantile(a, b, .99), (long long)max);
}
static void put_result(int has_all_joined, us_t wall_began) {
    printf("{\"all_joined\":%s,\"joined\":%d,\"refused\":%d,\"closed_early\":%d,\"malformed\":%d,\"expected\":%llu,\"delivered\":%llu,\"fault\":\"%s\",",
           has_all_joined ? "true" : "false", joined_count, refused, closed_early, malformed,
           (unsigned long long)expected, (unsigned long long)deliveries, first_fault);
    printf("\"wall_us\":%lld,\"own_cpu_us\":%.0f,\"marks\":[", (long long)(now_us() - wall_began), own_cpu_us());
    for (int i = 0; i < n_marks; i++) {
        Mark *m = &marks[i];
        printf("%s{\"t\":%lld,\"server_cpu_us\":%.1f,\"own_cpu_us\":%.0f,\"rss_kb\":%.0f,\"fds\":%d,\"deliveries\":%llu,\"frames\":%llu,\"bytes\":%llu,\"sends\":%llu,\"max_lag\":%lld,",
               i ? "," : "", (long long)m->t, m->server_cpu_us, m->own_cpu_us, m->rss_kb, m->fds, (unsigned long long)m->deliveries,
               (unsigned long long)m->frames, (unsigned long long)m->bytes, (unsigned long long)m->sends, (long long)m->max_lag);
        put_hist("all", &m->update, &m->awareness); putchar(','); put_hist("update", &m->update, NULL); putchar(',');
        put_hist("awareness", &m->awareness, NULL); putchar(','); put_hist("ack", &m->ack, NULL); putchar('}');
    }
    printf("],\"watched\":[");
    int comma = 0;
    for (int i = 0; i < n_msgs; i++) if (msgs[i].flags & WATCHED) {
        printf("%s[%d,%u,%lld,%lld]", comma++ ? "," : "", msgs[i].stream, msgs[i].seq, (long long)streams[msgs[i].stream].sent_at[msgs[i].seq], (long long)msgs[i].done);
    }
    printf("],\"joins\":["); comma = 0;                  /* of those who came late: when, and how long it took */
    for (int i = 0; i < n_conns; i++) if (conns[i].join_at >= 0 && conns[i].leave_at < 0)
        printf("%s[%lld,%lld]", comma++ ? "," : "", (long long)(conns[i].started - t0), conns[i].whole ? (long long)(conns[i].whole - conns[i].started) : -1LL);
    printf("]}\n");
}
int main(int argc, char **argv) {
    if (argc != 2) die("usage: load PLAN");
    struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
    read_plan(argv[1]); us_t wall_began = now_us();
    ep = epoll_create1(0); timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = UINT32_MAX}; epoll_ctl(ep, EPOLL_CTL_ADD, timer, &e);
    us_t deadline = now_us() + (us_t)(join_timeout_s * 1e6);
    /* The first of each room before the others: pycrdt-websocket fails when two open a new room at once. */
    int wanted = n_conns - n_late, target = 0;
    for (int pass = 0; pass < 2; pass++) {
        u8 *has_one = calloc((size_t)n_rooms, 1); int next = 0;
        for (int i = 0; i < n_conns; i++) if (conns[i].join_at < 0) { target += pass == !!has_one[conns[i].room]; has_one[conns[i].room] = 1; }
        memset(has_one, 0, (size_t)n_rooms);
        while (joined_count + refused < target && now_us() < deadline) {
            for (; in_flight < concurrency && next < n_conns; next++) if (conns[next].join_at < 0) {
                if (pass == !!has_one[conns[next].room]) connect_one(&conns[next]);
                has_one[conns[next].room] = 1;
            }
            turn(100, 0);
        }
        free(has_one);
    }
    int has_all_joined = joined_count == wanted;
    if (!has_all_joined) fault("%d of %d connections got the document", joined_count, wanted);
    t0 = now_us();
    if (has_all_joined) {
        while (next_due() != INT64_MAX) turn(1000, 1);
        deadline = now_us() + (us_t)(settle_s * 1e6);
        us_t last_progress = now_us(); uint64_t before = deliveries;
        while ((deliveries < expected || late_and_not_whole()) && now_us() < deadline) {
            turn(20, 1);
            if (deliveries != before) { before = deliveries; last_progress = now_us(); }
            if (deliveries < expected && !late_and_not_whole() && now_us() - last_progress > 8000000) break;
        }
        us_t calm = now_us() + 100000;                /* what is still under way to those who are recorded */
        while (now_us() < calm) turn(10, 1);
    }
    put_result(has_all_joined, wall_began);
    if (record) fclose(record);
    return 0;
}
