// Causal scaled dot-product attention (Vaswani et al. 2017), one head of one sequence at a time.
//
// Letters: T tokens of the sequence, d = D/H width of a head. q, k, v: the rows' queries, keys and values.
#pragma once

#include <cstdint>
#include <vector>

#include "variants/neuron/rows.hpp"

namespace stepbench::neuron {

/// Number of positions, counted from the first one, that position `t` of `length` attends to.
using VisiblePositions = std::int64_t (*)(std::int64_t t, std::int64_t length);

/// A position sees itself and what came before it.
inline std::int64_t causal_positions(std::int64_t t, std::int64_t /*length*/) { return t + 1; }

/// What each position of a sequence takes from those that it sees: output_t = sum_j w_tj v_j, w_t = softmax(s_t),
/// s_tj = q_t . k_j / sqrt(d).
template <typename Scalar>
class AttentionHead {
 public:
  AttentionHead(std::int64_t length, std::int64_t head_width);

  /// Writes the output (T, d). Keeps views of the three others (T, d), which must live until the backward pass.
  void forward(Columns<const Scalar> queries, Columns<const Scalar> keys, Columns<const Scalar> values,
               Columns<Scalar> output);
  /// From dC/d(output) (T, d), dC/dq, dC/dk and dC/dv (T, d).
  void compute_input_gradients(Columns<const Scalar> output_gradient, Columns<Scalar> query_gradients,
                               Columns<Scalar> key_gradients, Columns<Scalar> value_gradients);

 protected:
  /// With another mask or scale.
  AttentionHead(std::int64_t length, Scalar scale, VisiblePositions visible);

 private:
  std::int64_t length_;
  Scalar scale_;
  VisiblePositions visible_;
  Columns<const Scalar> queries_, keys_, values_;
  std::vector<Scalar> weights_;          // w (T, T), 0 where t does not see j
  std::vector<Scalar> score_gradients_;  // dC/ds_t (T)
};

}  // namespace stepbench::neuron
