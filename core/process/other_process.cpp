#include "core/process/other_process.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace stepbench {

// By number: glibc has functions for these from 2.36 on.
OtherProcess::OtherProcess(pid_t id) : descriptor_(static_cast<int>(syscall(SYS_pidfd_open, id, 0))) {}

OtherProcess::~OtherProcess() {
  if (descriptor_ >= 0) close(descriptor_);
}

void OtherProcess::send(int signal) const {
  if (descriptor_ >= 0) syscall(SYS_pidfd_send_signal, descriptor_, signal, nullptr, 0);
}

}  // namespace stepbench
