#include "core/process/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

#include "core/error.hpp"

namespace stepbench {
namespace {

/// What posix_spawn wants of argv and envp: it does not write to them, whatever its type says.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// What becomes of a forked child until it is another program. Calls the system only: other threads of this process may
/// have held locks when it was copied. Writes errno to `failure` and ends where that cannot be done.
[[noreturn]] void become(const char* program, char* const* words, char* const* variables, bool own_group, int socket,
                         int complaints, int failure, pid_t parent) {
  constexpr int kNotRun = 127;
  if (own_group) setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kNotRun);  // it was gone before it could be asked for that
  if (dup2(socket, STDIN_FILENO) >= 0 && dup2(socket, STDOUT_FILENO) >= 0 && dup2(complaints, STDERR_FILENO) >= 0) {
    execve(program, words, variables);
  }
  const int error = errno;
  static_cast<void>(!write(failure, &error, sizeof error));
  _exit(kNotRun);
}

[[noreturn]] void give_up(const char* what) {
  throw Error(fmt::format("cannot start a worker: {}: {}", what, std::generic_category().message(errno)));
}

}  // namespace

ChildProcess::ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           const ChildSetting& setting)
    : own_group_(setting.own_group) {
  signal(SIGCHLD, SIG_DFL);  // a parent may have left it ignored, and then nobody learns how a child ended
  // A socket rather than two pipes: writing to a child that is gone can then be an error instead of a signal.
  std::array<int, 2> ends{}, failure{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) give_up("socketpair");
  if (pipe2(failure.data(), O_CLOEXEC) != 0) {
    close(ends[0]);
    close(ends[1]);
    give_up("pipe2");
  }
  complaints_ = memfd_create("stderr", MFD_CLOEXEC);
  socket_ = ends[0];
  std::vector<std::string> words = {program.string()}, variables = setting.environment;
  words.insert(words.end(), arguments.begin(), arguments.end());
  const std::vector<char*> word_pointers = pointers(words), variable_pointers = pointers(variables);
  const pid_t parent = getpid();
  id_ = complaints_ < 0 ? -1 : fork();
  if (id_ == 0) {
    become(program.c_str(), word_pointers.data(), variable_pointers.data(), own_group_, ends[1], complaints_,
           failure[1], parent);
  }
  const int fork_error = errno;
  close(ends[1]);
  close(failure[1]);
  int error = id_ < 0 ? fork_error : 0;
  if (id_ > 0 && read(failure[0], &error, sizeof error) == sizeof error) waitpid(id_, nullptr, 0);
  close(failure[0]);
  if (error == 0) return;
  close(socket_);
  if (complaints_ >= 0) close(complaints_);
  const std::string reason =
      fmt::format("{}: cannot be run: {}", program.string(), std::generic_category().message(error));
  if (id_ < 0) throw Error(reason);  // of the machine, not of the program that was named
  throw InputError(reason);
}

ChildProcess::~ChildProcess() {
  if (!exit_code_) {
    kill(target(), SIGKILL);
    wait();
  }
  close(socket_);
  close(complaints_);
}

ChildProcess::Line ChildProcess::read_line(std::size_t longest, std::optional<std::chrono::milliseconds> patience) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point limit = Clock::now() + patience.value_or(std::chrono::milliseconds(0));
  for (std::size_t searched = 0;;) {
    const std::size_t end = received_.find('\n', searched);
    if (std::min(end, received_.size()) > longest) return {Reading::too_long, std::exchange(received_, {})};
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return {Reading::line, std::move(line)};
    }
    searched = received_.size();

    int milliseconds = -1;
    if (patience) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now());
      if (left.count() <= 0) return {Reading::timed_out, received_};
      milliseconds = static_cast<int>(left.count());
    }
    pollfd waiting{socket_, POLLIN, 0};
    const int ready = poll(&waiting, 1, milliseconds);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    if (ready < 0) return {Reading::ended, std::exchange(received_, {})};
    std::array<char, 65536> buffer;
    const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return {Reading::ended, std::exchange(received_, {})};
    received_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

void ChildProcess::pause() const { kill(target(), SIGSTOP); }
void ChildProcess::resume() const { kill(target(), SIGCONT); }

bool ChildProcess::write_line(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count = send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

int ChildProcess::wait() {
  using std::chrono::milliseconds;
  constexpr milliseconds kLook{1}, kLongest{1000};
  if (exit_code_) return *exit_code_;
  for (milliseconds waited{0};; waited += kLook) {
    siginfo_t ended{};
    // Not reaped yet: until it is, nobody else's group can have its number.
    const int error =
        waitid(P_PID, static_cast<id_t>(id_), &ended, WEXITED | WNOWAIT | (waited < kLongest ? WNOHANG : 0));
    if (error == 0 && ended.si_pid == id_) break;
    if (error != 0 && errno != EINTR) return *(exit_code_ = 1);  // someone else reaped it
    std::this_thread::sleep_for(kLook);
    if (waited + kLook >= kLongest) kill(target(), SIGKILL);
  }
  if (own_group_) kill(target(), SIGKILL);  // what it has left behind
  int status = 0;
  while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  constexpr int kSignalled = 128;  // as shells do
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
  return *exit_code_;
}

std::string ChildProcess::last_complaint() const {
  std::array<char, 4096> tail;
  struct stat file {};
  fstat(complaints_, &file);  // lseek would move the child's place in the file, too
  const off_t begin = std::max<off_t>(0, file.st_size - static_cast<off_t>(tail.size()));
  const ssize_t count = pread(complaints_, tail.data(), tail.size(), begin);
  std::string text(tail.data(), static_cast<std::size_t>(std::max<ssize_t>(0, count)));
  const auto is_letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  std::string line;
  do {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    line = text.substr(text.rfind('\n') + 1);
    text.resize(text.size() - line.size());
  } while (!text.empty() && std::ranges::none_of(line, is_letter));  // some frame what they say
  return line;
}

}  // namespace stepbench
