// The transformer as a kind of model. Letters: D d_model, H heads, L blocks, T context, V vocabulary_size.
#pragma once

#include "core/models/model_kinds.hpp"

namespace stepbench {

/// token_embedding.weight (V, D); position_embedding.weight (T, D), when learned; of each block i:
/// blocks.{i}.norm1.weight (D), .bias (D); blocks.{i}.attention.qkv.weight (3D, D), all rows of Q, then K, then V, head
/// h owning rows h D/H .., .bias (3D); blocks.{i}.attention.output.weight (D, D), .bias; blocks.{i}.norm2.weight,
/// .bias; blocks.{i}.mlp.up.weight (4D, D), .bias; blocks.{i}.mlp.down.weight (D, 4D), .bias; final_norm.weight, .bias;
/// head.weight (V, D), unless tied.
[[nodiscard]] ParameterLayout transformer_layout(const ModelSettings& model);
/// Causal attention counts half.
[[nodiscard]] double transformer_flops(const ModelSettings& model, std::int64_t batch_size);
[[nodiscard]] StepWork transformer_work(const ModelSettings& model, const TrainingSettings& training, double batch);
[[nodiscard]] double transformer_activations(const ModelSettings& model, double batch);
/// Tokens are not counted.
[[nodiscard]] inline double transformer_gathered(const ModelSettings&) { return 0; }
[[nodiscard]] inline std::int64_t transformer_rows(const ModelSettings& model) { return model.context; }
void check_transformer(const TrialSettings& trial);
/// Brings the vocabulary's size.
void fit_transformer(TrialSettings& trial, const Dataset& dataset);

inline constexpr ModelKindRow kTransformerRow{
    ModelKind::transformer,
    "transformer",
    "decoder-only, GPT-2's pre-norm block: causal multi-head attention and an MLP of 4D",
    transformer_layout,
    transformer_flops,
    transformer_work,
    transformer_activations,
    transformer_gathered,
    transformer_rows,
    check_transformer,
    fit_transformer};

}  // namespace stepbench
