// oneDNN as a library that runs in this process: what it may use, and on one thread wherever we call it.
#pragma once

#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "variants/backend.hpp"

namespace stepbench {

/// Its CPU. The first call holds oneDNN to what STEPBENCH_ISA allows; all that makes or runs a primitive asks here
/// first.
[[nodiscard]] const dnnl::engine& onednn_engine();

[[nodiscard]] std::vector<LibraryFact> onednn_facts();

/// Why its products cannot be called side by side from tasks, with one thread each; empty when they can.
[[nodiscard]] std::string onednn_unsupported();
/// Why it cannot have so many threads of its own; empty when it can.
[[nodiscard]] std::string onednn_threads_unsupported(std::int64_t threads);

/// oneDNN takes as many threads as OpenMP would give to the calling thread: these, for the life of the object. What is
/// set so holds for the calling thread alone.
class OnednnThreads {
 public:
  explicit OnednnThreads(int threads);
  OnednnThreads(const OnednnThreads&) = delete;
  OnednnThreads& operator=(const OnednnThreads&) = delete;
  ~OnednnThreads();

 private:
  int before_, threads_;
};

class OneOnednnThread : public OnednnThreads {
 public:
  OneOnednnThread() : OnednnThreads(1) {}
};

}  // namespace stepbench
