// Threads and memory that libraries take from the system without asking whether they are there. A thread that OpenBLAS
// cannot start, or memory that it cannot map, makes it wait for ever; a worker of oneTBB that cannot start another ends
// the process; HDF5 may crash. So the question is put to the system before a library is let at it, by taking as much
// and giving it back.
//
// Left out: what others take between the question and the use of its answer.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <latch>
#include <vector>

#include "core/error.hpp"

namespace stepbench {

/// Threads or memory that cannot be had here and now; the message says how many there are, and what limits them.
class SupplyError : public Error {
 public:
  using Error::Error;
};

/// Threads that begin together, or not at all. Their stacks are small: a large one would stay mapped when they end.
class ThreadTeam {
 public:
  /// Starts `count` threads, which call work(0) .. work(count - 1) once all of them are there. Throws SupplyError when
  /// not all can be had; then nothing was called. `work` may not throw.
  ThreadTeam(int count, std::function<void(int)> work);
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;
  ~ThreadTeam();  // waits until all are done

 private:
  struct Member {
    ThreadTeam* team;
    int number;
    pthread_t thread;
  };
  static void* run(void* member);

  std::function<void(int)> work_;
  std::latch decided_{1};
  std::atomic<bool> begins_ = false;
  std::vector<Member> members_;
};

/// Throws SupplyError when this process cannot start `count` more threads, with stacks of the usual size, that live at
/// the same time.
void require_threads(int count);

/// Throws SupplyError when this process cannot map `count` more blocks of `bytes`; `whose` is for the message.
void require_blocks(int count, std::size_t bytes, const char* whose);

/// How much of something a library has, which keeps as much as it ever needed at once.
class HighWater {
 public:
  explicit HighWater(int had) : most_(had) {}

  /// When more is `needed` than ever before, calls require(how much more), and takes note unless that throws.
  void raise_to(int needed, const std::function<void(int)>& require) {
    if (needed <= most_) return;
    require(needed - most_);
    most_ = needed;
  }

 private:
  int most_;
};

}  // namespace stepbench
