/* The header compiles as C99, and the table refuses and answers as it says. */
#include <bragglive/bragglive.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;
#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);       \
      ++failures;                                                           \
    }                                                                       \
  } while (0)

static int thread_count(void) {
  FILE* status = fopen("/proc/self/status", "r");
  char line[256];
  int threads = -1;
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "Threads: %d", &threads) == 1) break;
  if (status) fclose(status);
  return threads;
}

static void* do_nothing(void* nothing) { return nothing; }

/* A sanitizer starts a thread of its own beside the first one that a program starts. */
static int thread_count_behind_the_first(void) {
  pthread_t first;
  if (pthread_create(&first, NULL, do_nothing, NULL) == 0) pthread_join(first, NULL);
  return thread_count();
}

static int released = 0;
static void count_release(void* context) {
  free(context);
  __atomic_add_fetch(&released, 1, __ATOMIC_SEQ_CST);
}


/* Sizes are part of the ABI: a change here breaks hosts that are out there. */
static void check_layout(void) {
  CHECK(sizeof(bragglive_scan) == 32);
  CHECK(sizeof(bragglive_frame) == 48);
  CHECK(sizeof(bragglive_snapshot_info) == 168);
  CHECK(sizeof(bragglive_session_info) == 112);
  CHECK(sizeof(bragglive_plane_info) == 32);
  CHECK(offsetof(bragglive_api, create) == 24);
  CHECK(sizeof(bragglive_api) == 24 + 17 * sizeof(void*));
}

static void check_refusals(const bragglive_api* api) {
  bragglive_session* session = (bragglive_session*)1;
  char error[256] = "";
  CHECK(bragglive_get_api(2, 0) == NULL);
  CHECK(bragglive_get_api(1, 99) == NULL);
  CHECK(api->create(NULL, &session, error, sizeof error) == BRAGGLIVE_BAD_ARGUMENT);
  CHECK(api->create("not json", &session, error, sizeof error) == BRAGGLIVE_BAD_CONFIG);
  CHECK(session == NULL && strstr(error, "JSON") != NULL);
  CHECK(api->create("{\"modle\": 1}", &session, error, sizeof error) == BRAGGLIVE_BAD_CONFIG);
  CHECK(strstr(error, "modle") != NULL);
  CHECK(api->create("{\"threads\": \"two\"}", &session, error, sizeof error) == BRAGGLIVE_BAD_CONFIG);
  CHECK(api->create("{\"model\": \"/nonexistent.blm\"}", &session, error, sizeof error) == BRAGGLIVE_BAD_CONFIG);
  CHECK(strstr(error, "/nonexistent.blm") != NULL);
  char tiny[5] = "xxxx";
  CHECK(api->create("not json", &session, tiny, sizeof tiny) == BRAGGLIVE_BAD_CONFIG);
  CHECK(strlen(tiny) == 4);
  CHECK(api->open(NULL, "x") == BRAGGLIVE_BAD_ARGUMENT);
  CHECK(api->submit_frame(NULL, NULL) == BRAGGLIVE_BAD_ARGUMENT);
  CHECK(api->plane_info(BRAGGLIVE_PLANE_COUNT, NULL) == BRAGGLIVE_BAD_ARGUMENT);
  api->destroy(NULL);
  api->release_snapshot(NULL);
}

static void check_planes(const bragglive_api* api) {
  for (uint32_t plane = 0; plane < BRAGGLIVE_PLANE_COUNT; ++plane) {
    bragglive_plane_info info = {sizeof info, 0, 0, NULL, NULL};
    CHECK(api->plane_info(plane, &info) == BRAGGLIVE_OK);
    CHECK(info.name && info.unit && info.element_bytes >= 1 && info.element_bytes <= 4);
  }
  /* An older host knows fewer fields: nothing behind them may be written. */
  struct {
    bragglive_plane_info info;
  } old;
  memset(&old, 0x55, sizeof old);
  old.info.struct_size = 12;
  CHECK(api->plane_info(0, &old.info) == BRAGGLIVE_OK);
  CHECK(old.info.element_bytes == 1 && ((unsigned char*)&old.info)[16] == 0x55);
}

static void push_frames(const bragglive_api* api, const char* calibration) {
  char config[2048], error[512];
  snprintf(config, sizeof config, "{\"calibration\": \"%s\", \"threads\": 2}", calibration);
  bragglive_session* session = NULL;
  CHECK(api->create(config, &session, error, sizeof error) == BRAGGLIVE_OK);
  if (!session) {
    fprintf(stderr, "%s\n", error);
    return;
  }
  bragglive_snapshot* snapshot = NULL;
  CHECK(api->take_snapshot(session, &snapshot) == BRAGGLIVE_NO_SNAPSHOT);
  CHECK(api->end_scan(session) == BRAGGLIVE_BAD_STATE);
  for (uint64_t series = 1; series <= 2; ++series) { /* a second scan follows the first in the same session */
    const int frames = 20;
    released = 0;
    bragglive_scan scan = {sizeof scan, 4, 5, 192, 192, BRAGGLIVE_U16, series};
    CHECK(api->begin_scan(session, &scan) == BRAGGLIVE_OK);
    const uint64_t bytes = 192 * 192 * 2;
    for (int i = 0; i < frames - 1; ++i) { /* the last position gets no frame */
      void* pixels = calloc(1, bytes);
      bragglive_frame frame = {sizeof frame, 0, (uint64_t)i, pixels, bytes, count_release, pixels};
      CHECK(api->submit_frame(session, &frame) == BRAGGLIVE_OK);
    }
    char wrong[16] = {0};
    bragglive_frame bad = {sizeof bad, 0, 19, wrong, sizeof wrong, NULL, NULL};
    CHECK(api->submit_frame(session, &bad) == BRAGGLIVE_BAD_FRAME);
    bad.size_in_bytes = bytes;
    bad.scan_index = 20;
    CHECK(api->submit_frame(session, &bad) == BRAGGLIVE_BAD_FRAME);
    CHECK(api->end_scan(session) == BRAGGLIVE_OK);
    bragglive_snapshot_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    CHECK(api->wait(session, 20000) == BRAGGLIVE_OK); /* for this scan, not for the one before */
    api->release_snapshot(snapshot);
    snapshot = NULL;
    CHECK(api->take_snapshot(session, &snapshot) == BRAGGLIVE_OK);
    CHECK(api->snapshot_info(snapshot, &info) == BRAGGLIVE_OK);
    CHECK(info.series_id == series && info.finished);
    CHECK(info.rows == 4 && info.cols == 5);
    CHECK(info.states[BRAGGLIVE_TOO_FEW_DISKS] == 19 && info.states[BRAGGLIVE_MISSING] == 1);
    CHECK(__atomic_load_n(&released, __ATOMIC_SEQ_CST) == frames - 1);
  }
  unsigned char states[20];
  CHECK(api->copy_plane(snapshot, BRAGGLIVE_PLANE_STATE, states, 19) == BRAGGLIVE_BUFFER_TOO_SMALL);
  bragglive_session_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK(api->session_info(session, &info) == BRAGGLIVE_OK && info.state == BRAGGLIVE_FINISHED);
  CHECK(api->set_threshold(session, 2) == BRAGGLIVE_BAD_ARGUMENT);
  CHECK(api->save_result(session, "/nonexistent-folder/r.h5") == BRAGGLIVE_IO_ERROR);
  CHECK(api->last_error(session, error, sizeof error) > 1);
  api->destroy(session);
  /* A snapshot outlives its session. */
  CHECK(api->copy_plane(snapshot, BRAGGLIVE_PLANE_STATE, states, sizeof states) == BRAGGLIVE_OK);
  CHECK(states[19] == BRAGGLIVE_MISSING);
  api->release_snapshot(snapshot);
}

/* A scan that is refused must not leave the host waiting: its frames are refused, and the reason is there. */
static void refused_scan(const bragglive_api* api, const char* calibration) {
  char config[2048], error[512];
  snprintf(config, sizeof config, "{\"calibration\": \"%s\"}", calibration);
  bragglive_session* session = NULL;
  CHECK(api->create(config, &session, error, sizeof error) == BRAGGLIVE_OK);
  bragglive_scan scan = {sizeof scan, 4, 5, 64, 64, BRAGGLIVE_U16, 1};
  CHECK(api->begin_scan(session, &scan) == BRAGGLIVE_OK);
  static const uint16_t pixels[64 * 64];
  bragglive_frame frame = {sizeof frame, 0, 0, pixels, sizeof pixels, NULL, NULL};
  CHECK(api->wait(session, 20000) == BRAGGLIVE_OK);
  CHECK(api->submit_frame(session, &frame) == BRAGGLIVE_BAD_STATE);
  CHECK(api->last_error(session, error, sizeof error) > 1 && strstr(error, "192 x 192") != NULL);
  scan.frame_rows = scan.frame_cols = 192; /* and the session is good for the next one */
  CHECK(api->begin_scan(session, &scan) == BRAGGLIVE_OK);
  CHECK(api->end_scan(session) == BRAGGLIVE_OK);
  CHECK(api->wait(session, 20000) == BRAGGLIVE_OK);
  bragglive_session_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK(api->session_info(session, &info) == BRAGGLIVE_OK && info.state == BRAGGLIVE_FINISHED);
  api->destroy(session);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: abi_test CALIBRATION.toml (192 x 192)\n");
    return 2;
  }
  const int before = thread_count_behind_the_first();
  const bragglive_api* api = bragglive_get_api(BRAGGLIVE_ABI_MAJOR, BRAGGLIVE_ABI_MINOR);
  CHECK(api != NULL);
  if (!api) return 1;
  check_layout();
  check_refusals(api);
  check_planes(api);
  CHECK(thread_count() == before);
  push_frames(api, argv[1]);
  refused_scan(api, argv[1]);
  CHECK(thread_count() == before);
  if (failures == 0) printf("the C ABI is as its header says\n");
  return failures != 0;
}
