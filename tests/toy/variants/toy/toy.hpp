// A backend as a reader of variants/README.md would begin: an MLP in plain loops. It is no part of the program; the
// tests build it into one, to show that the two steps are enough.
//
// Left out: transformers, optimisers other than plain SGD, threads. What is left out is said by its row, so
// that such trials are listed as unsupported and no other backend computes them instead.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend toy_backend();

}  // namespace stepbench
