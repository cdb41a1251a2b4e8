// Damage to a result file, ten thousand times: before the trailer's check it is always found; behind a right trailer,
// where only HDF5 stands, it happens in a child process, since HDF5 1.10 crashes on some of it.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/results/result_file.hpp"
#include "tests/results/sample_files.hpp"
#include "tests/support/temporary_folder.hpp"

#if defined(__has_feature)
#define STEPBENCH_TEST_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define STEPBENCH_TEST_ADDRESS_SANITIZER 1
#else
#define STEPBENCH_TEST_ADDRESS_SANITIZER 0
#endif

namespace stepbench::testing {
namespace {

namespace fs = std::filesystem;

/// Flips a bit of the file in place.
void flip(const fs::path& path, std::uint64_t bit) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const auto position = static_cast<std::streamoff>(bit / 8);
  char byte = 0;
  file.seekg(position).get(byte);
  file.seekp(position).put(static_cast<char>(byte ^ (1 << bit % 8)));
}

bool is_refused(const fs::path& path) {
  try {
    (void)read_published(path);
    return false;
  } catch (const InputError&) {
    return true;
  }
}

TEST_CASE("10000 of 10000 flipped bits are found before HDF5 opens the file") {
  const TemporaryFolder folder;
  const fs::path path = folder / "run.h5";
  publish(to_image(rich_file()), path, IfExists::refuse);
  const std::uint64_t bits = fs::file_size(path) * 8;
  constexpr std::uint64_t kFlips = 10'000;
  constexpr std::uint64_t kStride = 1'000'003;  // prime: no bit comes twice, and all parts of the file have their turn
  REQUIRE(bits > kFlips);
  REQUIRE(bits % kStride != 0);
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < kFlips; ++i) {
    const std::uint64_t bit = i * kStride % bits;
    flip(path, bit);
    if (is_refused(path)) ++found;
    flip(path, bit);
  }
  CHECK(found == kFlips);
  CHECK_FALSE(is_refused(path));  // else the flips were not what was found
}

/// How a child ended that read an image.
enum class Ending { read, refused, unexpected_exception, killed, count };

constexpr int kFirstExitCode = 100;  // of Ending's values, apart from what a sanitizer exits with

/// In the child: one line of InputError is a refusal, and memory for absurd sizes may run out.
Ending read_once(const std::vector<std::byte>& image) {
  try {
    (void)from_image(image, "run.h5");
    return Ending::read;
  } catch (const InputError& error) {
    const bool one_line = std::string(error.what()).find('\n') == std::string::npos;
    return one_line ? Ending::refused : Ending::unexpected_exception;
  } catch (const std::bad_alloc&) {
    return Ending::refused;
  } catch (...) {
    return Ending::unexpected_exception;
  }
}

Ending read_in_child(const std::vector<std::byte>& image) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    constexpr unsigned kLongestSeconds = 10;
    for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGALRM}) std::signal(signal, SIG_DFL);  // not Catch's
    ::alarm(kLongestSeconds);
#if !STEPBENCH_TEST_ADDRESS_SANITIZER  // it has mapped more than any limit allows
    constexpr rlimit kMemory{rlim_t{1} << 32, rlim_t{1} << 32};
    ::setrlimit(RLIMIT_AS, &kMemory);
#endif
    ::close(STDERR_FILENO);  // what libc and sanitizers say of HDF5
    ::_exit(kFirstExitCode + static_cast<int>(read_once(image)));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  const int ending = WIFEXITED(status) ? WEXITSTATUS(status) - kFirstExitCode : -1;
  return ending >= 0 && ending < static_cast<int>(Ending::killed) ? static_cast<Ending>(ending) : Ending::killed;
}

TEST_CASE("damage behind a right trailer is read, refused, or ends HDF5, and never surprises us") {
  const std::vector<std::byte> image = to_image(rich_file());
  RandomStream random(1, Purpose::generated_data);
  std::array<int, static_cast<std::size_t>(Ending::count)> endings{};
  constexpr int kImages = 300;
  for (int i = 0; i < kImages; ++i) {
    std::vector<std::byte> damaged = image;
    for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
      damaged[random.below(damaged.size())] ^= static_cast<std::byte>(1u << random.below(8));
    }
    const Ending ending = read_in_child(damaged);
    ++endings[static_cast<std::size_t>(ending)];
  }
  INFO("read, refused, surprised, killed: " << Catch::Detail::stringify(endings));
  CHECK(endings[static_cast<std::size_t>(Ending::unexpected_exception)] == 0);
  CHECK(endings[static_cast<std::size_t>(Ending::read)] > 0);
  CHECK(endings[static_cast<std::size_t>(Ending::refused)] > 0);
}

}  // namespace
}  // namespace stepbench::testing
