#include "variants/rank_program/rank_network.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace stepbench {
namespace {

void add(PhaseTimes& sum, const PhaseTimes& more) {
  for (std::size_t i = 0; i < sum.seconds.size(); ++i) sum.seconds[i] += more.seconds[i];
}

}  // namespace

template <typename Scalar>
RankNetwork<Scalar>::RankNetwork(const World& world, std::unique_ptr<Network<Scalar>> network, std::int64_t parameters,
                                 std::int64_t rows_per_sample, const RankRequest& request)
    : world_(world),
      network_(std::move(network)),
      rows_per_sample_(rows_per_sample),
      reduction_(request.reduction),
      overlap_(request.overlap),
      independent_(request.independent),
      parts_(network_->gradient_parts()) {
  if (reduction_ == Reduction::exact && !network_->sums_by_leaves()) parts_.clear();
  if (parts_.empty()) canonical_.resize(static_cast<std::size_t>(parameters));
  exchange_ = std::make_unique<GradientExchange<Scalar>>(
      world_, parts_.empty() ? std::vector{std::span<Scalar>(canonical_)} : parts_);
}

template <typename Scalar>
StepResult RankNetwork<Scalar>::compute_gradients(std::int64_t samples, const SomeSamples& some) {
  if (independent_) return network_->compute_gradients(some(0, samples));
  if (samples != shared_samples_) {
    shares_ = share_leaves(samples, rows_per_sample_, world_.size());
    shared_samples_ = samples;
  }
  StepResult result;
  exchange_->begin(shares_, reduction_ == Reduction::exact);
  result.loss = reduction_ == Reduction::exact ? exact_gradients(samples, some, result.phases)
                                               : fast_gradients(samples, some, result.phases);
  return result;
}

template <typename Scalar>
StepResult RankNetwork<Scalar>::train_step(std::int64_t samples, const SomeSamples& some, const UpdateStep& update) {
  if (independent_) return network_->train_step(some(0, samples), update);
  StepResult result = compute_gradients(samples, some);
  LapClock clock;
  network_->apply_update(update);
  result.phases[Phase::update] += clock.lap();
  return result;
}

template <typename Scalar>
LeafRange RankNetwork<Scalar>::samples_of(LeafRange leaves, std::int64_t samples) const {
  return {leaves.begin * shares_.leaf, std::min(leaves.end * shares_.leaf, samples)};
}

template <typename Scalar>
double RankNetwork<Scalar>::form_leaf(LeafRange leaves, std::int64_t leaf, std::int64_t samples,
                                      const SomeSamples& some, PhaseTimes& phases) {
  const LeafRange mine = samples_of(leaves, samples);
  Batch<Scalar> batch = some(mine.begin, mine.end);
  batch.leaf = leaf;
  const StepResult result = network_->compute_gradients(batch);
  add(phases, result.phases);
  return result.loss;
}

template <typename Scalar>
double RankNetwork<Scalar>::form_leaf_by_leaf(LeafRange node, std::int64_t samples, const SomeSamples& some,
                                              PhaseTimes& phases) {
  std::vector<double> losses;
  const auto slot_of = [this](std::size_t slot) -> Buffer<Scalar>& {
    if (slot == 0) return canonical_;
    if (slots_.size() < slot) slots_.resize(slot);
    slots_[slot - 1].resize(canonical_.size());
    return slots_[slot - 1];
  };
  sum_in_tree(
      node,
      [&](std::int64_t leaf, std::size_t slot) {
        const double loss = form_leaf({leaf, leaf + 1}, 0, samples, some, phases);
        if (losses.size() <= slot) losses.resize(slot + 1);
        losses[slot] = loss;
        network_->read(Content::gradients, slot_of(slot));
      },
      [&](std::size_t slot) {
        losses[slot] += losses[slot + 1];
        Buffer<Scalar>& into = slot_of(slot);
        const Buffer<Scalar>& from = slot_of(slot + 1);
        for (std::size_t i = 0; i < into.size(); ++i) into[i] += from[i];
      });
  return losses.front();
}

template <typename Scalar>
double RankNetwork<Scalar>::form_node(LeafRange node, std::int64_t samples, const SomeSamples& some,
                                      PhaseTimes& phases) {
  return parts_.empty() ? form_leaf_by_leaf(node, samples, some, phases)
                        : form_leaf(node, shares_.leaf, samples, some, phases);
}

template <typename Scalar>
double RankNetwork<Scalar>::exact_gradients(std::int64_t samples, const SomeSamples& some, PhaseTimes& phases) {
  const std::vector<LeafRange>& nodes = shares_.nodes[static_cast<std::size_t>(world_.rank())];
  const bool overlap = overlap_ && world_.size() > 1 && !parts_.empty();
  std::vector<double> losses;
  for (const LeafRange& node : nodes) {
    if (&node != &nodes.front()) exchange_->keep_node();
    if (overlap && &node == &nodes.back()) {
      network_->tell_gradients([this](std::size_t part) { exchange_->start(part); });
    }
    losses.push_back(form_node(node, samples, some, phases));
  }
  if (overlap) network_->tell_gradients(nullptr);
  LapClock clock;
  if (world_.size() > 1) exchange_->finish();
  if (parts_.empty()) network_->write(Content::gradients, canonical_);
  const double loss = joined_loss(losses);
  phases[Phase::reduce] += clock.lap();
  return loss;
}

template <typename Scalar>
double RankNetwork<Scalar>::joined_loss(const std::vector<double>& losses) const {
  std::vector<int> counts;
  for (const std::vector<LeafRange>& nodes : shares_.nodes) counts.push_back(static_cast<int>(nodes.size()));
  const std::vector<double> all = world_.size() > 1 ? world_.gather(losses, counts) : losses;
  std::vector<LeafRange> nodes;
  for (const std::vector<LeafRange>& some : shares_.nodes) nodes.insert(nodes.end(), some.begin(), some.end());
  const auto value = [&](LeafRange node) -> std::optional<double> {
    const auto found = std::ranges::find(nodes, node);
    if (found == nodes.end()) return std::nullopt;
    return all[static_cast<std::size_t>(found - nodes.begin())];
  };
  return *join_nodes({0, shares_.leaves}, value,
                     [](std::optional<double>& into, std::optional<double> from) { *into += *from; });
}

/// Ranks have samples one after the other, as many each as there can be.
template <typename Scalar>
double RankNetwork<Scalar>::fast_gradients(std::int64_t samples, const SomeSamples& some, PhaseTimes& phases) {
  const std::int64_t begin = samples * world_.rank() / world_.size(),
                     end = samples * (world_.rank() + 1) / world_.size();
  const bool overlap = overlap_ && world_.size() > 1 && !parts_.empty() && end > begin;
  double loss = 0;
  if (end == begin) {
    clear_gradients();
  } else {
    if (overlap) network_->tell_gradients([this](std::size_t part) { exchange_->start(part); });
    const StepResult result = network_->compute_gradients(some(begin, end));
    if (overlap) network_->tell_gradients(nullptr);
    add(phases, result.phases);
    loss = result.loss;
    if (parts_.empty()) network_->read(Content::gradients, canonical_);
  }
  LapClock clock;
  if (world_.size() > 1) exchange_->finish();
  if (parts_.empty()) network_->write(Content::gradients, canonical_);
  const std::vector<double> losses =
      world_.gather(std::span(&loss, 1), std::vector<int>(static_cast<std::size_t>(world_.size()), 1));
  phases[Phase::reduce] += clock.lap();
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

template <typename Scalar>
void RankNetwork<Scalar>::clear_gradients() {
  std::ranges::fill(canonical_, Scalar{0});
  for (const std::span<Scalar> part : parts_) std::ranges::fill(part, Scalar{0});
}

template class RankNetwork<float>;
template class RankNetwork<double>;

}  // namespace stepbench
