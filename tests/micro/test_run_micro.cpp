// Kernels that compute something wrong get no time, and the program says so and fails. Each test case needs a process
// of its own, as ctest gives it: Google Benchmark cannot be run twice in one.
#include <benchmark/benchmark.h>

#include <catch2/catch.hpp>

#include "experiments/micro/run_micro.hpp"

namespace stepbench::testing {
using namespace micro;  // NOLINT(google-build-using-namespace): it is what is tested

namespace {

class PlantedKernel : public Kernel {
 public:
  explicit PlantedKernel(std::string problem) : problem_(std::move(problem)) {}
  void prepare() override {}
  void run() override { ++runs_; }
  [[nodiscard]] std::string check() const override { return problem_; }
  [[nodiscard]] int runs() const { return runs_; }

 private:
  std::string problem_;
  int runs_ = 0;
};

KernelCase planted(const std::string& name, std::shared_ptr<PlantedKernel> kernel) {
  return {.name = name, .kernel = std::move(kernel), .flops = 1e3};
}

int run(const KernelCases& cases, const std::string& filter = ".") {
  return run_micro({"test", "--benchmark_filter=" + filter, "--benchmark_min_time=0.0001"}, cases, {});
}

}  // namespace

TEST_CASE("kernels whose results are right are timed") {
  const auto kernel = std::make_shared<PlantedKernel>("");
  CHECK(run({planted("right", kernel)}) == 0);
  CHECK(kernel->runs() > 1);
}

TEST_CASE("a kernel with wrong results is run for its check alone") {
  const auto kernel = std::make_shared<PlantedKernel>("wrong result: planted");
  static_cast<void>(run({planted("wrong", kernel)}));
  CHECK(kernel->runs() == 1);
}

TEST_CASE("one kernel with wrong results among right ones fails the program, which times the others") {
  const auto right = std::make_shared<PlantedKernel>("");
  CHECK(run({planted("wrong", std::make_shared<PlantedKernel>("wrong result: planted")), planted("right", right)}) ==
        1);
  CHECK(right->runs() > 1);
}

TEST_CASE("a filter that chooses no kernel is a mistake on the command line") {
  CHECK(run({planted("right", std::make_shared<PlantedKernel>(""))}, "left") == 2);
}

TEST_CASE("every kernel notices that its arrays were not computed") {
  // Prepared but not run: outputs are NaN, and what is updated in place is as it was.
  KernelCases cases = gemm_cases(1);
  for (KernelCases (*more)() : {attention_cases, loss_cases, elementwise_cases, optimizer_cases}) {
    for (KernelCase& one : more()) cases.push_back(std::move(one));
  }
  for (const KernelCase& one : cases) {
    if (one.name.find("D384") != std::string::npos) continue;  // the same code on more data
    INFO(one.name);
    one.kernel->prepare();
    CHECK_FALSE(one.kernel->check().empty());
  }
}

}  // namespace stepbench::testing
