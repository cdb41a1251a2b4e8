#include "variants/rank_program/gradient_exchange.hpp"

#include <algorithm>

namespace stepbench {

template <typename Scalar>
GradientExchange<Scalar>::GradientExchange(const World& world, std::vector<std::span<Scalar>> parts)
    : world_(world), spans_(std::move(parts)), parts_(spans_.size()) {}

template <typename Scalar>
void GradientExchange<Scalar>::begin(const LeafShares& shares, bool exact) {
  shares_ = &shares;
  exact_ = exact;
  kept_ = 0;
  next_reduced_ = 0;
  for (Part& part : parts_) part.stage = Stage::waiting;
}

template <typename Scalar>
void GradientExchange<Scalar>::keep_node() {
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    std::vector<Buffer<Scalar>>& kept = parts_[p].kept;
    if (kept.size() <= kept_) kept.resize(kept_ + 1);
    kept[kept_].assign(spans_[p].begin(), spans_[p].end());
  }
  ++kept_;
}

template <typename Scalar>
void GradientExchange<Scalar>::start(std::size_t part) {
  const std::lock_guard lock(mutex_);
  if (parts_[part].stage == Stage::waiting) start_locked(part);
  progress();
}

template <typename Scalar>
void GradientExchange<Scalar>::finish() {
  const std::lock_guard lock(mutex_);
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    if (parts_[p].stage == Stage::waiting) start_locked(p);
  }
  wait_until([this] { return progress(); });
}

template <typename Scalar>
std::span<Scalar> GradientExchange<Scalar>::piece(std::span<Scalar> part, int rank) const {
  const auto ranks = static_cast<std::size_t>(world_.size()), r = static_cast<std::size_t>(rank);
  const std::size_t begin = part.size() * r / ranks, end = part.size() * (r + 1) / ranks;
  return part.subspan(begin, end - begin);
}

template <typename Scalar>
const std::vector<LeafRange>& GradientExchange<Scalar>::own_nodes() const {
  return shares_->nodes[static_cast<std::size_t>(world_.rank())];
}

template <typename Scalar>
std::span<Scalar> GradientExchange<Scalar>::own_node(std::size_t part, std::size_t node, int piece_of) {
  return piece(node < kept_ ? std::span<Scalar>(parts_[part].kept[node]) : spans_[part], piece_of);
}

template <typename Scalar>
void GradientExchange<Scalar>::start_locked(std::size_t part) {
  Part& p = parts_[part];
  p.requests.clear();
  if (exact_) {
    collect(part);
  } else {
    p.stage = Stage::there;
    reduce_in_order();
  }
}

template <typename Scalar>
void GradientExchange<Scalar>::reduce_in_order() {
  for (; next_reduced_ < parts_.size() && parts_[next_reduced_].stage == Stage::there; ++next_reduced_) {
    Part& part = parts_[next_reduced_];
    const std::span<Scalar> values = spans_[next_reduced_];
    part.stage = Stage::handing_out;
    MPI_Iallreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), mpi_type<Scalar>(), MPI_SUM,
                   MPI_COMM_WORLD, &part.requests.emplace_back());
  }
}

template <typename Scalar>
void GradientExchange<Scalar>::collect(std::size_t part) {
  Part& p = parts_[part];
  p.stage = Stage::collecting;
  const int tag = 2 + 2 * static_cast<int>(part), own = world_.rank();
  const std::size_t mine = piece(spans_[part], own).size();
  p.received.resize(static_cast<std::size_t>(world_.size()));
  for (int rank = 0; rank < world_.size(); ++rank) {
    if (rank == own) continue;
    std::vector<Buffer<Scalar>>& from = p.received[static_cast<std::size_t>(rank)];
    from.resize(shares_->nodes[static_cast<std::size_t>(rank)].size());
    for (Buffer<Scalar>& node : from) {
      node.resize(mine);
      MPI_Irecv(node.data(), static_cast<int>(mine), mpi_type<Scalar>(), rank, tag, MPI_COMM_WORLD,
                &p.requests.emplace_back());
    }
    for (std::size_t node = 0; node < own_nodes().size(); ++node) {
      const std::span<Scalar> theirs = own_node(part, node, rank);
      MPI_Isend(theirs.data(), static_cast<int>(theirs.size()), mpi_type<Scalar>(), rank, tag, MPI_COMM_WORLD,
                &p.requests.emplace_back());
    }
  }
}

template <typename Scalar>
void GradientExchange<Scalar>::join(std::size_t part) {
  const int own = world_.rank();
  const auto value = [&](LeafRange wanted) -> Scalar* {
    for (int rank = 0; rank < world_.size(); ++rank) {
      const std::vector<LeafRange>& nodes = shares_->nodes[static_cast<std::size_t>(rank)];
      const auto found = std::ranges::find(nodes, wanted);
      if (found == nodes.end()) continue;
      const auto node = static_cast<std::size_t>(found - nodes.begin());
      return rank == own ? own_node(part, node, own).data()
                         : parts_[part].received[static_cast<std::size_t>(rank)][node].data();
    }
    return nullptr;
  };
  const std::span<Scalar> sum = piece(spans_[part], own);
  if (sum.empty()) return;
  const auto size = static_cast<std::ptrdiff_t>(sum.size());
  const Scalar* joined = join_nodes({0, shares_->leaves}, value, [size](Scalar* into, const Scalar* from) {
    for (std::ptrdiff_t i = 0; i < size; ++i) into[i] += from[i];
  });
  if (joined != sum.data()) std::copy_n(joined, size, sum.data());
}

template <typename Scalar>
void GradientExchange<Scalar>::hand_out(std::size_t part) {
  Part& p = parts_[part];
  p.stage = Stage::handing_out;
  p.requests.clear();
  const int tag = 3 + 2 * static_cast<int>(part), own = world_.rank();
  const std::span<Scalar> mine = piece(spans_[part], own);
  for (int rank = 0; rank < world_.size(); ++rank) {
    if (rank == own) continue;
    const std::span<Scalar> theirs = piece(spans_[part], rank);
    MPI_Irecv(theirs.data(), static_cast<int>(theirs.size()), mpi_type<Scalar>(), rank, tag, MPI_COMM_WORLD,
              &p.requests.emplace_back());
    MPI_Isend(mine.data(), static_cast<int>(mine.size()), mpi_type<Scalar>(), rank, tag, MPI_COMM_WORLD,
              &p.requests.emplace_back());
  }
}

template <typename Scalar>
bool GradientExchange<Scalar>::progress() {
  bool all_done = true;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    while (part.stage == Stage::collecting || part.stage == Stage::handing_out) {
      int is_through = 0;
      MPI_Testall(static_cast<int>(part.requests.size()), part.requests.data(), &is_through, MPI_STATUSES_IGNORE);
      if (is_through == 0) break;
      if (part.stage == Stage::collecting) {
        join(i);
        hand_out(i);
      } else {
        part.stage = Stage::done;
      }
    }
    all_done = all_done && part.stage == Stage::done;
  }
  return all_done;
}

template class GradientExchange<float>;
template class GradientExchange<double>;

}  // namespace stepbench
