/* A host program in C: lets bragglive receive a scan from an endpoint (or read a recording) and prints what it became.
 *
 *   label_endpoint SOURCE [CALIBRATION.toml]
 */
#include <bragglive/bragglive.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* const k_systems[8] = {"none",       "triclinic", "monoclinic", "orthorhombic",
                                         "tetragonal", "trigonal",  "hexagonal",  "cubic"};

static int explain(const bragglive_api* api, bragglive_session* session, const char* what) {
  char text[512];
  api->last_error(session, text, sizeof text);
  fprintf(stderr, "label_endpoint: %s: %s\n", what, text);
  api->destroy(session);
  return 3;
}

/* The share of each crystal system among the labelled positions, from the plane itself. */
static int print_systems(const bragglive_api* api, const bragglive_snapshot* snapshot) {
  bragglive_snapshot_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  if (api->snapshot_info(snapshot, &info) != BRAGGLIVE_OK) return 1;
  const size_t positions = (size_t)info.rows * info.cols;
  unsigned char* systems = malloc(positions);
  if (!systems || api->copy_plane(snapshot, BRAGGLIVE_PLANE_CRYSTAL_SYSTEM, systems, positions) != BRAGGLIVE_OK) {
    free(systems);
    return 1;
  }
  size_t count[8] = {0};
  for (size_t i = 0; i < positions; ++i) ++count[systems[i] & 7];
  free(systems);
  printf("%u x %u positions, %llu labelled\n", info.rows, info.cols,
         (unsigned long long)info.states[BRAGGLIVE_LABELLED]);
  for (int i = 1; i < 8; ++i)
    if (count[i] > 0) printf("  %-13s %5.1f %%\n", k_systems[i], 100.0 * (double)count[i] / (double)(positions - count[0]));
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: label_endpoint SOURCE [CALIBRATION.toml]\n");
    return 2;
  }
  const bragglive_api* api = bragglive_get_api(BRAGGLIVE_ABI_MAJOR, BRAGGLIVE_ABI_MINOR);
  if (!api) {
    fprintf(stderr, "label_endpoint: this libbragglive is too old or too new\n");
    return 3;
  }
  char config[4096], error[512];
  snprintf(config, sizeof config, "{\"model\": \"default\", \"calibration\": \"%s\"}", argc == 3 ? argv[2] : "");
  bragglive_session* session = NULL;
  if (api->create(config, &session, error, sizeof error) != BRAGGLIVE_OK) {
    fprintf(stderr, "label_endpoint: %s\n", error);
    return 3;
  }
  if (api->open(session, argv[1]) != BRAGGLIVE_OK) return explain(api, session, "cannot open the source");
  if (api->wait(session, 120000) != BRAGGLIVE_OK) return explain(api, session, "no scan within two minutes");
  bragglive_snapshot* snapshot = NULL;
  if (api->take_snapshot(session, &snapshot) != BRAGGLIVE_OK) return explain(api, session, "no map");
  const int failed = print_systems(api, snapshot);
  api->release_snapshot(snapshot);
  api->destroy(session);
  return failed;
}
