// A backend whose library no machine has: its sources are never compiled.
#pragma once

#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] Backend gone_backend();

}  // namespace stepbench
