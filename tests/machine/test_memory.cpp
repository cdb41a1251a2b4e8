// Caches of made-up machines, and memory that a process touches.
#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "experiments/machine/cache_level.hpp"
#include "experiments/machine/resident.hpp"
#include "experiments/machine/topology.hpp"
#include "experiments/machine/triad.hpp"
#include "tests/machine/made_up_tree.hpp"

namespace stepbench::testing {
namespace {

/// Pages that this process maps, touches, and gives back.
class Touched {
 public:
  explicit Touched(std::size_t bytes)
      : bytes_(bytes), memory_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    REQUIRE(memory_ != MAP_FAILED);
    std::memset(memory_, 1, bytes_);
  }
  Touched(const Touched&) = delete;
  Touched& operator=(const Touched&) = delete;
  ~Touched() { munmap(memory_, bytes_); }

 private:
  std::size_t bytes_;
  void* memory_;
};

constexpr std::size_t kMegabyte = std::size_t{1} << 20U;

}  // namespace

TEST_CASE("the level that holds so many bytes is told from the caches that so many cores fill") {
  // Two L3 caches of 32 MB with four cores each, which have 1 MB of L2 and 32 KB of L1 each.
  const Topology machine =
      synthetic_topology("pack:1 l3:2(size=33554432) l2:4(size=1048576) l1d:1(size=32768) core:1 pu:1");
  REQUIRE(machine.unknown.empty());
  REQUIRE(machine.caches.size() == 3);
  CHECK(level_that_holds(machine, 1, 30'000) == "L1");
  CHECK(level_that_holds(machine, 1, 1e6) == "L2");
  CHECK(level_that_holds(machine, 1, 3e6) == "L3");
  CHECK(level_that_holds(machine, 4, 3e6) == "L2");
  CHECK(level_that_holds(machine, 4, 50e6) == "memory");
  CHECK(level_that_holds(machine, 5, 50e6) == "L3");
  CHECK(level_that_holds(Topology(), 1, 1) == "memory");
}

TEST_CASE("a triad over few bytes is no slower than one over many") {
  const double cached = triad_over(1, {}, 32 << 10), far = triad_over(1, {}, 64 << 20);
  CAPTURE(cached, far);
  CHECK(far > 0);
  CHECK(cached > far);
}

TEST_CASE("resident memory is read from the process's status") {
  const MadeUpTree tree({{"status", "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"}});
  const ResidentMemory memory(tree.root());
  CHECK(memory.now() == 1024 * 1024);
  CHECK(memory.peak() == 2048 * 1024);
  CHECK(std::isnan(ResidentMemory(tree.root() / "none").now()));
  CHECK_FALSE(ResidentMemory(tree.root() / "none").reset_peak());
}

TEST_CASE("a trial's memory is what it holds and what its largest block added, and nobody else's") {
  TrialMemory trial;
  CHECK(std::isnan(trial.peak()));
  trial.begin_making();
  const Touched network(40 * kMegabyte);
  trial.end_making();
  CHECK(trial.peak() / kMegabyte == Approx(40).margin(2));
  const Touched other(30 * kMegabyte);
  trial.begin_block();
  { const Touched scratch(20 * kMegabyte); }
  trial.end_block();
  const double peak = trial.peak() / kMegabyte;
  // Where the kernel does not let the peak be reset, what was there between two readings is not seen.
  CHECK((peak == Approx(ResidentMemory().reset_peak() ? 60 : 40).margin(2)));
}

}  // namespace stepbench::testing
