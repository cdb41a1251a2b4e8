// XXH3-128 digests of bytes, as 32 lower-case hexadecimal digits: identity, not security.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace stepbench {

/// Feeds in pieces; the digest is that of all pieces joined.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  void add(std::span<const std::byte> bytes);
  template <typename T>
  void add_values(std::span<const T> values) {
    add(std::as_bytes(values));
  }
  [[nodiscard]] std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stepbench
