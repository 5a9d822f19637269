// Stand-ins for libraries that are asked for their version: one answers, one crashes while it
// loads, one hangs. FAKE_VERSION is set where each is built.
#include <unistd.h>

#include <cstdlib>

extern "C" {

#if FAKE_VERSION == 1  // NCCL
int ncclGetVersion(int* version) {
  *version = 22809;
  return 0;
}
#elif FAKE_VERSION == 2
__attribute__((constructor)) static void at_start() { abort(); }
#elif FAKE_VERSION == 3
__attribute__((constructor)) static void at_start() { pause(); }
#endif

}  // extern "C"
