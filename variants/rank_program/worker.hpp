// A rank's side of the peer protocol (scripts/peers/PROTOCOL.md): rank 0 is spoken to and answers, and hands every
// order on to the others, so that all carry it out together.
#pragma once

#include "variants/rank_program/world.hpp"

namespace stepbench {

/// Serves until stdin ends. The exit code.
int serve_rank(const World& world);

}  // namespace stepbench
