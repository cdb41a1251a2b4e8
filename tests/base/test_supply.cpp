#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <barrier>
#include <catch2/catch.hpp>
#include <cstdint>
#include <fstream>

#include "core/supply.hpp"

namespace stepbench::testing {
namespace {

#if !defined(STEPBENCH_SANITIZED)  // whose memory knows no limit
/// The exit code of `work`, called in a process of its own, which is limited to so much more address space than it has.
int in_little_memory(std::size_t more_bytes, int (*work)()) {
  const pid_t child = fork();
  if (child == 0) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t bytes = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + more_bytes;
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_AS, &limit);
    _exit(work());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
#endif

}  // namespace

TEST_CASE("a team's threads are all there when they begin, and each does its work once") {
  constexpr int kThreads = 20;
  std::barrier all_there(kThreads);
  std::array<std::atomic<int>, kThreads> calls{};
  {
    const ThreadTeam team(kThreads, [&](int thread) {
      all_there.arrive_and_wait();
      ++calls[static_cast<std::size_t>(thread)];
    });
  }
  for (const std::atomic<int>& count : calls) CHECK(count == 1);
}

TEST_CASE("a team of nobody has nothing to do") {
  CHECK_NOTHROW(ThreadTeam(0, [](int) { FAIL(); }));
}

#if !defined(STEPBENCH_SANITIZED)
TEST_CASE("of a team that cannot have all its threads none begins, and it says how many there are") {
  CHECK(in_little_memory(2 << 20, [] {
          std::atomic<int> begun = 0;
          try {
            const ThreadTeam team(100, [&begun](int) { ++begun; });
          } catch (const SupplyError& error) {
            const std::string text = error.what();
            const bool tells =
                text.find("100 more threads are needed, ") == 0 && text.find(" can be had (") != text.npos;
            return begun == 0 && tells ? 42 : 1;
          }
          return 2;
        }) == 42);
}

TEST_CASE("threads are refused whose stacks of the usual size there is no room for") {
  CHECK(in_little_memory(6 << 20, [] {
          {
            const ThreadTeam small_stacks(2, [](int) {});
          }
          try {
            require_threads(2);
          } catch (const SupplyError&) {
            return 42;
          }
          return 1;
        }) == 42);
}
#endif

TEST_CASE("threads that can be had are given back") {
  for (int i = 0; i < 50; ++i) require_threads(10);
  CHECK_NOTHROW(require_threads(1));
}

TEST_CASE("memory that cannot be mapped is refused with how much there is") {
  constexpr std::size_t kTooMuch = std::size_t{1} << 60U;
  CHECK_THROWS_WITH(require_blocks(1, kTooMuch, "a test"),
                    "1099511627776 MB more are needed for a test, 0 MB can be had: see `ulimit -v`");
  CHECK_NOTHROW(require_blocks(3, 1 << 20, "a test"));
}

TEST_CASE("a high water asks for what is more than ever before, and forgets what was refused") {
  HighWater water(1);
  int asked = 0;
  const auto ask = [&asked](int more) { asked += more; };
  water.raise_to(4, ask);
  water.raise_to(2, ask);
  water.raise_to(4, ask);
  CHECK(asked == 3);
  CHECK_THROWS_AS(water.raise_to(9, [](int) { throw SupplyError("none"); }), SupplyError);
  water.raise_to(6, ask);
  CHECK(asked == 5);
}

}  // namespace stepbench::testing
