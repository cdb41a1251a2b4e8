// A weight's way from and to the canonical order, where no time is lost: before training, and when it is looked at; and
// the sum of squares of what lies in panels.
#include "variants/kernels/direct_product.hpp"
#include "variants/kernels/fused_product.hpp"

namespace stepbench {
namespace {

/// Calls work(first row, element (first row, first column), rows, columns) of each panel.
template <typename Scalar, typename Work>
void for_panels(Panels<Scalar> matrix, const Work& work) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  for (std::ptrdiff_t j = 0; j < matrix.columns; j += kColumns) {
    work(j, Operand<Scalar>{matrix.data + j / kColumns * matrix.stride(), kColumns},
         matrix.columns - j < kColumns ? matrix.columns - j : kColumns);
  }
}

}  // namespace

template <typename Scalar>
void to_panels(const Scalar* canonical, const WeightPanels<Scalar>& weight) {
  const std::ptrdiff_t inputs = weight.master.rows, outputs = weight.master.columns;
  for_panels(weight.master, [&](std::ptrdiff_t j, Operand<Scalar> panel, std::ptrdiff_t columns) {
    transpose<Scalar>(columns, inputs, {canonical + j * inputs, inputs}, panel);
  });
  if (weight.transposed == nullptr) return;
  for_panels(Panels<Scalar>{weight.transposed, outputs, inputs},
             [&](std::ptrdiff_t j, Operand<Scalar> panel, std::ptrdiff_t columns) {
               for (std::ptrdiff_t i = 0; i < outputs; ++i) {
                 const Scalar* row = canonical + i * inputs + j;
                 for (std::ptrdiff_t column = 0; column < columns; ++column)
                   panel.data[i * panel.stride + column] = row[column];
               }
             });
}

template <typename Scalar>
void from_panels(Panels<const Scalar> panels, Scalar* canonical) {
  for_panels(panels, [&](std::ptrdiff_t j, Operand<const Scalar> panel, std::ptrdiff_t columns) {
    transpose<Scalar>(panels.rows, columns, panel, {canonical + j * panels.rows, panels.rows});
  });
}

template <typename Scalar>
double panel_sum_of_squares(Panels<const Scalar> panels, Range rows, Range columns) {
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  double sum = 0;
  for (std::ptrdiff_t panel = columns.begin / kColumns; panel * kColumns < columns.end; ++panel) {
    sum += sum_of_squares(panels.data + panel * panels.stride() + rows.begin * kColumns, rows.size() * kColumns);
  }
  return sum;
}

template void to_panels<float>(const float*, const WeightPanels<float>&);
template void to_panels<double>(const double*, const WeightPanels<double>&);
template void from_panels<float>(Panels<const float>, float*);
template void from_panels<double>(Panels<const double>, double*);
template double panel_sum_of_squares<float>(Panels<const float>, Range, Range);
template double panel_sum_of_squares<double>(Panels<const double>, Range, Range);

}  // namespace stepbench
