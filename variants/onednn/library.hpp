// oneDNN as a library that runs in this process: what it may use, and on one thread wherever we call it.
#pragma once

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

/// oneDNN takes as many threads as OpenMP would give to the calling thread: one, for the life of the object. What is
/// set so holds for the calling thread alone.
class OneOnednnThread {
 public:
  OneOnednnThread();
  OneOnednnThread(const OneOnednnThread&) = delete;
  OneOnednnThread& operator=(const OneOnednnThread&) = delete;
  ~OneOnednnThread();

 private:
  int before_;
};

}  // namespace stepbench
