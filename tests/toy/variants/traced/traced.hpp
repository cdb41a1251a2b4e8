// A backend of which `stepbench scale` must find what is known of it: tests/support/traced_network.hpp.
#pragma once

#include "tests/support/traced_network.hpp"

namespace stepbench {

using testing::traced_backend;

}  // namespace stepbench
