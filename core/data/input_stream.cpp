#include "core/data/input_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/error.hpp"

namespace stepbench {
namespace {

constexpr std::size_t kChunk = 1 << 16;

}  // namespace

InputStream::InputStream(std::filesystem::path path) : path_(std::move(path)), file_(gzopen(path_.c_str(), "rb")) {
  if (!file_) fail(std::string("cannot be opened: ") + std::strerror(errno));
}

std::vector<std::uint8_t> InputStream::read(std::int64_t size) {
  std::vector<std::uint8_t> bytes;
  const auto wanted = static_cast<std::size_t>(size);
  while (bytes.size() < wanted) {
    const std::size_t start = bytes.size();
    bytes.resize(start + std::min(wanted - start, kChunk));
    const int got = gzread(file_.get(), bytes.data() + start, static_cast<unsigned>(bytes.size() - start));
    check();
    if (got < 0) fail("cannot be read");
    const bool at_end = static_cast<std::size_t>(got) < bytes.size() - start;
    bytes.resize(start + static_cast<std::size_t>(got));
    if (at_end) break;
  }
  return bytes;
}

std::uint32_t InputStream::read_number() {
  const auto bytes = read(4);
  if (bytes.size() < 4) fail("ends within its header");
  std::uint32_t number = 0;
  for (const std::uint8_t byte : bytes) number = number << 8 | byte;
  return number;
}

void InputStream::expect_end(std::string_view promised) {
  if (!read(1).empty()) fail(fmt::format("goes on after the {} that its header promises", promised));
}

void InputStream::fail(std::string_view what) const { throw InputError(fmt::format("{}: {}", path_.string(), what)); }

void InputStream::check() const {
  int code = Z_OK;
  const char* message = gzerror(file_.get(), &code);
  switch (code) {
    case Z_OK:
    case Z_STREAM_END:
      return;
    case Z_BUF_ERROR:
      fail("its gzip data ends too early; was the download cut short?");
    case Z_ERRNO:
      fail(std::string("cannot be read: ") + std::strerror(errno));
    default:
      fail(fmt::format("its gzip data is damaged ({})", message));
  }
}

}  // namespace stepbench
