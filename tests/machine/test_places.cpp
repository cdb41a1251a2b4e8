// On which CPUs threads are held, on machines made up in hwloc's words, and on this one. A made-up machine numbers its
// CPUs core by core: CPU 0 and 1 are the first core's, where cores have two.
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "core/affinity.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/topology.hpp"

namespace stepbench::testing {
namespace {

using Cpus = std::vector<int>;

Cpus cpus_of(Pin pin, std::int64_t threads, const Topology& topology) {
  const ThreadPlaces places = place_threads(pin, threads, topology);
  INFO(places.why_not);
  CHECK(places.cpus.empty() != places.why_not.empty());
  return places.cpus;
}

std::string why_not(Pin pin, std::int64_t threads, const Topology& topology) {
  const ThreadPlaces places = place_threads(pin, threads, topology);
  CHECK(places.cpus.empty());
  return places.why_not;
}

Topology with_quota(Topology topology, double quota) {
  topology.quota = quota;
  return topology;
}

/// Four slow cores (CPUs 0 to 3) and two fast ones of two hyper-threads each (4, 5 and 6, 7).
Topology hybrid(const Cpus& allowed = {}) {
  const std::ifstream file(STEPBENCH_SOURCE_DIR "/tests/machine/hybrid.xml");
  std::ostringstream text;
  text << file.rdbuf();
  return xml_topology(text.str(), allowed);
}

/// Every `step`-th number from `first`, `count` of them.
Cpus series(int first, int step, int count) {
  Cpus cpus;
  for (int i = 0; i < count; ++i) cpus.push_back(first + i * step);
  return cpus;
}

}  // namespace

TEST_CASE("compact: cores before hyper-threads, and one socket while it holds the threads") {
  const Topology sockets = synthetic_topology("pack:2 [numa] core:32 pu:2");
  REQUIRE(sockets.cpus.size() == 128);
  CHECK(cpus_of(Pin::compact, 4, sockets) == Cpus{2, 4, 6, 8});
  CHECK(cpus_of(Pin::compact, 31, sockets) == series(2, 2, 31));
  Cpus more = series(2, 2, 31);
  more.insert(more.end(), {0, 64});
  CHECK(cpus_of(Pin::compact, 33, sockets) == more);
  const Cpus all = cpus_of(Pin::compact, 66, sockets);
  CHECK(std::ranges::count_if(all, [](int cpu) { return cpu % 2 == 0; }) == 64);
  CHECK(Cpus(all.end() - 2, all.end()) == Cpus{1, 3});
}

TEST_CASE("compact: CPU 0, which serves interrupts, is left free where the others hold the threads") {
  const Topology sockets = synthetic_topology("pack:2 [numa] core:32 pu:2");
  CHECK(cpus_of(Pin::compact, 32, sockets) == series(64, 2, 32));
  CHECK(cpus_of(Pin::compact, 2, synthetic_topology("core:2 pu:1")) == Cpus{1, 0});
}

TEST_CASE("compact: one last-level cache before the next") {
  const Topology caches = synthetic_topology("pack:2 [numa] l3:4 core:8 pu:2");
  CHECK(cpus_of(Pin::compact, 7, caches) == series(2, 2, 7));
  CHECK(cpus_of(Pin::compact, 8, caches) == series(16, 2, 8));
  Cpus twelve = series(2, 2, 7);
  twelve.push_back(0);
  for (const int cpu : series(16, 2, 4)) twelve.push_back(cpu);
  CHECK(cpus_of(Pin::compact, 12, caches) == twelve);
}

TEST_CASE("spread: sockets in turn, and in each of them its caches in turn") {
  const Topology caches = synthetic_topology("pack:2 [numa] l3:4 core:8 pu:2");
  CHECK(cpus_of(Pin::spread, 2, caches) == Cpus{2, 64});
  CHECK(cpus_of(Pin::spread, 6, caches) == Cpus{2, 64, 16, 80, 32, 96});
  const Cpus nine = cpus_of(Pin::spread, 9, caches);
  CHECK(nine.back() == 4);  // the second core of the first cache
  CHECK(cpus_of(Pin::spread, 65, caches).back() == 1);
}

TEST_CASE("spread: memory nodes within a socket are in turn, too") {
  CHECK(cpus_of(Pin::spread, 4, synthetic_topology("pack:2 numa:2 core:4 pu:1")) == Cpus{1, 8, 4, 12});
}

TEST_CASE("a cpuset with holes: only its CPUs, and of them the node that holds the threads") {
  const Topology holes = synthetic_topology("pack:2 [numa] core:4 pu:2", {1, 2, 3, 8, 10, 12, 14});
  CHECK(cpus_of(Pin::compact, 2, holes) == Cpus{1, 2});
  CHECK(cpus_of(Pin::compact, 3, holes) == Cpus{8, 10, 12});
  CHECK(cpus_of(Pin::automatic, 6, holes) == Cpus{8, 10, 12, 14, 1, 2});
  CHECK(cpus_of(Pin::compact, 7, holes).back() == 3);
  CHECK(cpus_of(Pin::spread, 4, holes) == Cpus{1, 8, 2, 10});
}

TEST_CASE("a hybrid CPU's fast cores come first, its slow ones before the fast ones' hyper-threads") {
  REQUIRE(hybrid().cpus.size() == 8);
  CHECK(cpus_of(Pin::automatic, 1, hybrid()) == Cpus{4});
  CHECK(cpus_of(Pin::automatic, 2, hybrid()) == Cpus{4, 6});
  CHECK(cpus_of(Pin::spread, 3, hybrid()) == Cpus{4, 6, 1});
  CHECK(cpus_of(Pin::compact, 8, hybrid()) == Cpus{4, 6, 1, 2, 3, 0, 5, 7});
  CHECK(cpus_of(Pin::compact, 2, hybrid({0, 1, 5})) == Cpus{5, 1});
  CHECK(why_not(Pin::automatic, 7, hybrid()) == "7 threads, more than physical cores (6)");
}

TEST_CASE("auto: compact up to a thread for each core, and none beyond") {
  const Topology machine = synthetic_topology("pack:1 l3:2 core:4 pu:2");
  CHECK(cpus_of(Pin::automatic, 3, machine) == cpus_of(Pin::compact, 3, machine));
  CHECK(cpus_of(Pin::automatic, 8, machine) == cpus_of(Pin::compact, 8, machine));
  CHECK(why_not(Pin::automatic, 9, machine) == "9 threads, more than physical cores (8)");
  CHECK(why_not(Pin::automatic, 17, machine) == "17 threads, more than the CPUs allowed (16)");
  CHECK(cpus_of(Pin::compact, 16, machine).size() == 16);
}

TEST_CASE("auto: one thread is pinned where it matters on which core it is") {
  CHECK(why_not(Pin::automatic, 1, synthetic_topology("pack:1 core:8 pu:2")) ==
        "one thread, and all cores are alike to it");
  CHECK(cpus_of(Pin::automatic, 1, synthetic_topology("pack:2 [numa] core:4 pu:1")) == Cpus{1});
  CHECK(cpus_of(Pin::compact, 1, synthetic_topology("pack:1 core:8 pu:2")) == Cpus{2});
}

TEST_CASE("a quota: auto leaves the choice to the system, what was asked for is done within it") {
  const Topology machine = synthetic_topology("pack:1 core:8 pu:1");
  CHECK(why_not(Pin::automatic, 2, with_quota(machine, 4)) ==
        "a control group leaves time for 4 of the 8 CPUs: others are on the same ones");
  CHECK(cpus_of(Pin::automatic, 2, with_quota(machine, 8)) == Cpus{1, 2});
  CHECK(cpus_of(Pin::compact, 2, with_quota(machine, 2.5)) == Cpus{1, 2});
  CHECK(why_not(Pin::compact, 3, with_quota(machine, 2.5)) ==
        "3 threads, more than a control group leaves time for (2.5 CPUs)");
}

TEST_CASE("a machine of one core") {
  const Topology one = synthetic_topology("core:1 pu:1");
  CHECK(cpus_of(Pin::compact, 1, one) == Cpus{0});
  CHECK(cpus_of(Pin::spread, 1, one) == Cpus{0});
  CHECK(why_not(Pin::spread, 2, one) == "2 threads, more than the CPUs allowed (1)");
}

TEST_CASE("none is none, without a reason, and what is unknown is not guessed") {
  CHECK(why_not(Pin::none, 2, synthetic_topology("core:2 pu:1")).empty());
  CHECK(why_not(Pin::automatic, 2, synthetic_topology("no such words")) == "hwloc cannot tell the topology");
  CHECK(why_not(Pin::compact, 2, synthetic_topology("core:2 pu:1", {7})) ==
        "hwloc knows none of the CPUs that are allowed");
}

TEST_CASE("no two threads ever share a CPU, and all are allowed") {
  for (const char* words : {"pack:2 [numa] l3:2 core:3 pu:2", "numa:3 core:2 pu:3", "core:5 pu:1"}) {
    const Topology machine = synthetic_topology(words);
    for (std::size_t threads = 1; threads <= machine.cpus.size(); ++threads) {
      for (const Pin pin : {Pin::compact, Pin::spread}) {
        const Cpus cpus = cpus_of(pin, static_cast<std::int64_t>(threads), machine);
        INFO(words << ", " << threads << " threads: " << listed_cpus(cpus));
        CHECK(cpus.size() == threads);
        CHECK(std::set<int>(cpus.begin(), cpus.end()).size() == threads);
      }
    }
  }
}

TEST_CASE("this machine's topology has the CPUs that are allowed, and a thread can be held on each") {
  std::set<int> known;
  for (const LogicalCpu& cpu : this_topology().cpus) known.insert(cpu.number);
  const Cpus allowed = allowed_cores();
  CHECK(known == std::set<int>(allowed.begin(), allowed.end()));
  Topology here = this_topology();
  here.quota.reset();
  for (const int cpu : cpus_of(Pin::compact, std::ssize(allowed), here)) {
    CHECK(BoundThread(std::span(&cpu, 1)).problem().empty());
  }
}

}  // namespace stepbench::testing
