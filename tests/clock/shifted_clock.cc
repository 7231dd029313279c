// The time of day, shifted: linked into a kplan of the tests with `-Wl,--wrap`, so that every call of
// clock_gettime, gettimeofday and time, in kplan and in its libraries, comes here. What the kernel writes by
// itself (the times of files) and what measures durations (CLOCK_MONOTONIC) stays right, as it does when
// somebody sets the clock of a machine.
//
// KPLAN_TEST_CLOCK says by how much, in seconds: "-34560000", or "0 cert/=-7200 crl=3600": words after the
// first are for `kplan step` of a label with that prefix, the last one that fits counts. So a clock can be
// set in the middle of one run of ninja.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <string>

extern "C" {

int __real_clock_gettime(clockid_t clock, struct timespec* time);
int __wrap_clock_gettime(clockid_t clock, struct timespec* time);
int __wrap_gettimeofday(struct timeval* time, void* zone);
time_t __wrap_time(time_t* time);

}  // extern "C"

namespace {

// The label of `kplan step SHARD LABEL DIGEST`; empty for other commands. argv is not at hand here.
std::string LabelOfThisStep() {
  std::string words[4];
  FILE* file = fopen("/proc/self/cmdline", "re");
  if (file == nullptr) abort();
  size_t word = 0;
  for (int c; word < 4 && (c = fgetc(file)) != EOF;) {
    if (c == '\0') {
      ++word;
    } else {
      words[word] += static_cast<char>(c);
    }
  }
  fclose(file);
  return words[1] == "step" ? words[3] : "";
}

// TEXT up to a space or its end as seconds. A test that is mistyped must not pass under the right clock.
time_t Seconds(const char* text, const char** end) {
  char* rest = nullptr;
  errno = 0;
  long long seconds = strtoll(text, &rest, 10);
  if (errno != 0 || rest == text || (*rest != '\0' && *rest != ' ')) {
    fprintf(stderr, "KPLAN_TEST_CLOCK: \"%s\" is no number of seconds\n", text);
    abort();
  }
  *end = rest;
  return seconds;
}

time_t ReadShift() {
  const char* text = getenv("KPLAN_TEST_CLOCK");
  if (text == nullptr) return 0;
  const char* rest = text;
  time_t shift = Seconds(text, &rest);
  const std::string label = *rest == '\0' ? "" : LabelOfThisStep();
  while (*rest == ' ') {
    ++rest;
    const char* equals = strchr(rest, '=');
    if (equals == nullptr) abort();
    const bool fits = !label.empty() && label.compare(0, equals - rest, rest, equals - rest) == 0;
    time_t other = Seconds(equals + 1, &rest);
    if (fits) shift = other;
  }
  return shift;
}

time_t Shift() {
  static const time_t shift = ReadShift();
  return shift;
}

}  // namespace

int __wrap_clock_gettime(clockid_t clock, struct timespec* time) {
  int result = __real_clock_gettime(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += Shift();
  return result;
}

int __wrap_gettimeofday(struct timeval* time, void*) {
  struct timespec now;
  if (__wrap_clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t __wrap_time(time_t* time) {
  struct timespec now;
  if (__wrap_clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (time != nullptr) *time = now.tv_sec;
  return now.tv_sec;
}
