// A process that this one did not start itself, but may send signals to: by a descriptor, as its number may be another
// one's by the time that it is used.
#pragma once

#include <sys/types.h>

#include <utility>

namespace stepbench {

class OtherProcess {
 public:
  /// One that has ended, or that the system gives no descriptor of, gets no signals.
  explicit OtherProcess(pid_t id);
  OtherProcess(OtherProcess&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OtherProcess& operator=(OtherProcess&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~OtherProcess();

  void send(int signal) const;

 private:
  int descriptor_;
};

}  // namespace stepbench
