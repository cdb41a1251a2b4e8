// Threads held on CPUs, and given back.
#include <catch2/catch.hpp>
#include <cerrno>
#include <thread>

#include "core/affinity.hpp"

namespace stepbench::testing {
namespace {

using Cpus = std::vector<int>;
constexpr int kNoSuchCpu = 4000;

}  // namespace

TEST_CASE("lists of CPUs are short, and keep their order") {
  CHECK(listed_cpus(Cpus{}).empty());
  CHECK(listed_cpus(Cpus{3}) == "3");
  CHECK(listed_cpus(Cpus{0, 1}) == "0,1");
  CHECK(listed_cpus(Cpus{1, 2, 3, 0, 8, 10, 11, 12}) == "1-3,0,8,10-12");
  CHECK(listed_cpus(Cpus{1, 0}) == "1,0");
}

TEST_CASE("a thread is on its CPU while it is bound, and then where it was before") {
  const Cpus before = cpus_of_thread();
  REQUIRE_FALSE(before.empty());
  const Cpus last = {before.back()};
  {
    const BoundThread bound(last);
    CHECK(bound.problem().empty());
    CHECK(cpus_of_thread() == last);
    CHECK(cpus_of_process() == before);
  }
  CHECK(cpus_of_thread() == before);
}

TEST_CASE("no CPUs bind nothing") {
  const Cpus before = cpus_of_thread();
  const BoundThread bound(Cpus{});
  CHECK(bound.problem().empty());
  CHECK(cpus_of_thread() == before);
}

TEST_CASE("a CPU that is not there is a problem in words, and the thread stays as it was") {
  const Cpus before = cpus_of_thread();
  {
    const BoundThread bound(Cpus{kNoSuchCpu});
    CHECK(bound.problem() == "cannot run on CPU 4000: Invalid argument");
    CHECK(cpus_of_thread() == before);
  }
  CHECK(cpus_of_thread() == before);
  CHECK(bind_thread(Cpus{-1}) == EINVAL);
  CHECK(bind_thread(Cpus{1 << 20}) == EINVAL);
}

TEST_CASE("a caller's claim holds it on the first CPU, and says what it could not") {
  const Cpus before = cpus_of_thread();
  {
    const CallerClaim claim(Cpus{before.back(), kNoSuchCpu});
    CHECK(claim.pin_problem().empty());
    CHECK(cpus_of_thread() == Cpus{before.back()});
  }
  CHECK(cpus_of_thread() == before);
  CHECK_FALSE(CallerClaim(Cpus{kNoSuchCpu}).pin_problem().empty());
}

TEST_CASE("the CPUs of another thread can be asked for") {
  const Cpus last = {cpus_of_process().back()};
  Cpus seen;
  std::thread([&] {
    const BoundThread bound(last);
    seen = cpus_of_thread();
  }).join();
  CHECK(seen == last);
  CHECK(cpus_of_thread() == cpus_of_process());
}

}  // namespace stepbench::testing
