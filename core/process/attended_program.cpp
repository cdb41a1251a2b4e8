#include "core/process/attended_program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/error.hpp"
#include "core/process/reexecution.hpp"
#include "core/process/stop_signals.hpp"

namespace stepbench {
namespace {

constexpr int kNotRun = 127;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// What becomes of a forked child. Calls the system only: other threads of this process may have held locks.
[[noreturn]] void become(char** words, char** variables, const sigset_t& signals, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigprocmask(SIG_SETMASK, &signals, nullptr);
  const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (getppid() == parent && nothing >= 0 && dup2(nothing, STDOUT_FILENO) >= 0) execute_anew(words, variables);
  _exit(kNotRun);
}

bool is_ignored(int number) {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Holds back the signals that are passed on, and that of a child's end, so that they can be waited for. One that this
/// program was started to ignore (`nohup`) is left alone: held back, it would come all the same.
class HeldSignals {
 public:
  HeldSignals() {
    signal(SIGCHLD, SIG_DFL);  // a parent may have left it ignored, and then nobody learns how a child ended
    sigemptyset(&held_);
    sigaddset(&held_, SIGCHLD);
    for (const int each : kStopSignals) {
      if (!is_ignored(each)) sigaddset(&held_, each);
    }
    pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  [[nodiscard]] const sigset_t& before() const { return before_; }
  [[nodiscard]] int wait(siginfo_t& from) const { return sigwaitinfo(&held_, &from); }

 private:
  sigset_t held_{}, before_{};
};

}  // namespace

AttendedEnd run_attended(const std::vector<std::string>& arguments, std::vector<std::string> environment) {
  std::vector<std::string> words = {program_invocation_name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv = pointers(words), envp = pointers(environment);
  const HeldSignals signals;
  const pid_t self = getpid(), child = fork();
  if (child < 0) {
    throw Error(fmt::format("cannot start another process: {}", std::generic_category().message(errno)));
  }
  if (child == 0) become(argv.data(), envp.data(), signals.before(), self);
  AttendedEnd end{0, false};
  for (;;) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      return end;
    }
    siginfo_t from{};
    const int received = signals.wait(from);
    if (received <= 0 || received == SIGCHLD) continue;
    end.signalled = true;
    // A Ctrl-C at the terminal is the kernel's, and the child, which is of the same group, has got it, too.
    if (from.si_code != SI_KERNEL) kill(child, received);
  }
}

}  // namespace stepbench
