#include "variants/onednn/tbb_onednn.hpp"

#include <oneapi/tbb/version.h>

#include <string>

#include "variants/matrix/cut.hpp"
#include "variants/matrix/network.hpp"
#include "variants/onednn/library.hpp"
#include "variants/onednn/products.hpp"
#include "variants/products/direct_network.hpp"
#include "variants/tbb/executor.hpp"

namespace stepbench {
namespace {

std::unique_ptr<Network<float>> make(const NetworkSettings& settings) {
  return make_matrix_network<float>(settings, make_tbb_executor(static_cast<int>(settings.threads), 0, settings.cpus),
                                    shape_cut(shard_rows_of(settings)), onednn_products());
}

std::string unsupported(const NetworkSettings&) { return onednn_unsupported(); }

std::vector<LibraryFact> facts() {
  std::vector<LibraryFact> facts = onednn_facts();
  facts.push_back({"tbb_version", "oneTBB", std::string(TBB_runtime_version())});
  facts.push_back(kernel_fact());
  return facts;
}

}  // namespace

Backend tbb_onednn_backend() {
  Backend backend{
      "tbb_onednn", "batch-parallel on oneTBB, cut as tbb_openblas, with oneDNN's products and blocked weights",
      kAnyThreads,  true,
      make,         nullptr};  // oneDNN multiplies float32, and less, alone
  backend.unsupported = unsupported;
  backend.libraries = facts;
  backend.own_settings = {shard_rows_setting("a quarter of the batch, 64 at least and 256 at most")};
  backend.copies_weights = true;
  return backend;
}

}  // namespace stepbench
