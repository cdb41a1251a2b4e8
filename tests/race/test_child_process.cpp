#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>

#include "core/error.hpp"
#include "core/process/child_process.hpp"
#include "experiments/race/racer.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench::testing {
namespace {

using Reading = ChildProcess::Reading;
using std::chrono::milliseconds;

constexpr std::size_t kLongest = 100;

/// A shell that runs `script`, with nothing in its environment but a path.
struct Shell : ChildProcess {
  explicit Shell(const std::string& script) : ChildProcess("/bin/sh", {"-c", script}, {.environment = {"PATH=/usr/bin:/bin"}}) {}
};

}  // namespace

TEST_CASE("a child answers lines with lines") {
  Shell child("read a; echo got $a; echo and more; read b; echo got $b");
  REQUIRE(child.write_line("one"));
  CHECK(child.read_line(kLongest).text == "got one");
  CHECK(child.read_line(kLongest).text == "and more");
  REQUIRE(child.write_line("two"));
  CHECK(child.read_line(kLongest).text == "got two");
  CHECK(child.read_line(kLongest).reading == Reading::ended);
  CHECK(child.wait() == 0);
}

TEST_CASE("a child that ends in the middle of a line has ended") {
  Shell child("printf half; exit 3");
  const ChildProcess::Line line = child.read_line(kLongest);
  CHECK(line.reading == Reading::ended);
  CHECK(line.text == "half");
  CHECK(child.wait() == 3);
}

TEST_CASE("a killed child's exit code is its signal's") {
  Shell child("kill -9 $$");
  CHECK(child.read_line(kLongest).reading == Reading::ended);
  CHECK(child.wait() == 128 + SIGKILL);
}

TEST_CASE("a child's exit code is known where the end of children was to be ignored") {
  signal(SIGCHLD, SIG_IGN);
  Shell child("exit 5");
  CHECK(child.wait() == 5);
}

TEST_CASE("writing to a child that is gone is no signal") {
  Shell child("exit 0");
  child.wait();
  CHECK_FALSE(child.write_line("anybody?"));
}

TEST_CASE("an endless line is cut off") {
  Shell child("yes | tr -d '\\n'");
  CHECK(child.read_line(kLongest).reading == Reading::too_long);
}

TEST_CASE("patience with a silent child ends") {
  Shell child("sleep 1000");
  CHECK(child.read_line(kLongest, milliseconds(20)).reading == Reading::timed_out);
}

TEST_CASE("a child that closes its output and stays is ended") {
  Shell child("exec >&- <&-; exec sleep 1000");
  CHECK(child.read_line(kLongest).reading == Reading::ended);
  CHECK(child.wait() == 128 + SIGKILL);
}

TEST_CASE("a child ends with its object and leaves no zombie") {
  pid_t id = 0;
  {
    Shell child("exec sleep 1000");
    id = child.id();
    REQUIRE(kill(id, 0) == 0);
  }
  CHECK(kill(id, 0) != 0);
}

TEST_CASE("a child's last complaint is kept, however much it complains") {
  Shell child("seq 1 100000 >&2; echo 'what is wrong' >&2; exit 1");
  CHECK(child.read_line(kLongest).reading == Reading::ended);
  CHECK(child.last_complaint() == "what is wrong");
}

TEST_CASE("a file that is no program is refused") {
  CHECK_THROWS_AS(ChildProcess("/dev/null", {}, {.environment = {}}), InputError);
}

TEST_CASE("workers choose their own OpenBLAS kernels unless the user has") {
  const auto core_given_to_workers = [](const char* guard) {
    setenv("STEPBENCH_REEXECUTED", guard, 1);
    setenv("OPENBLAS_CORETYPE", "Haswell", 1);
    bool core = false;
    for (const std::string& variable : environment_as_started()) {
      CHECK_FALSE(variable.starts_with("STEPBENCH_REEXECUTED="));
      core |= variable == "OPENBLAS_CORETYPE=Haswell";
    }
    return core;
  };
  CHECK(core_given_to_workers("threads"));
  CHECK_FALSE(core_given_to_workers("Haswell"));
}

}  // namespace stepbench::testing
