#include "core/models/model_kinds.hpp"

#include <algorithm>
#include <array>

#include "core/models/mlp.hpp"
#include "core/models/transformer.hpp"

namespace stepbench {

std::span<const ModelKindRow> model_kinds() {
  static constexpr std::array kRows = {kMlpRow, kTransformerRow};
  return kRows;
}

const ModelKindRow& row_of(ModelKind kind) { return *std::ranges::find(model_kinds(), kind, &ModelKindRow::kind); }

}  // namespace stepbench
