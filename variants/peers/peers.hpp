// Rivals in processes of their own: the rows of the registry for scripts/peers, and `peer`, whose script a config
// names.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend pytorch_backend();
[[nodiscard]] Backend pytorch_compiled_backend();
[[nodiscard]] Backend jax_backend();
[[nodiscard]] Backend numpy_backend();
[[nodiscard]] Backend numpy_original_backend();
[[nodiscard]] Backend peer_backend();

}  // namespace stepbench
