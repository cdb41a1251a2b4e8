// Parameters, their gradients, and the moments that the optimiser keeps of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "core/buffer.hpp"
#include "core/network.hpp"
#include "variants/kernels/kernels.hpp"

namespace stepbench {

template <typename Scalar>
class ParameterBuffers {
 public:
  ParameterBuffers() = default;
  ParameterBuffers(std::size_t size, Optimizer optimizer)
      : parameters_(std::make_shared<Buffer<Scalar>>(size)),
        gradients_(size),
        first_(optimizer == Optimizer::sgd ? 0 : size),
        second_(optimizer == Optimizer::adam || optimizer == Optimizer::adamw ? size : 0) {}

  /// From now on the parameters are `other`'s, of as many.
  void share_parameters(const ParameterBuffers& other) { parameters_ = other.parameters_; }

  [[nodiscard]] const Scalar* parameters() const { return parameters_->data(); }
  [[nodiscard]] Scalar* parameters() { return parameters_->data(); }
  [[nodiscard]] const Scalar* gradients() const { return gradients_.data(); }
  [[nodiscard]] Scalar* gradients() { return gradients_.data(); }
  /// Null where the optimiser keeps none.
  [[nodiscard]] Scalar* first() { return first_.empty() ? nullptr : first_.data(); }
  [[nodiscard]] Scalar* second() { return second_.empty() ? nullptr : second_.data(); }

  /// Null for what is not kept.
  [[nodiscard]] const Scalar* of(Content content) const {
    const Buffer<Scalar>& buffer = buffer_of(*this, content);
    return buffer.empty() ? nullptr : buffer.data();
  }
  [[nodiscard]] Scalar* of(Content content) {
    Buffer<Scalar>& buffer = buffer_of(*this, content);
    return buffer.empty() ? nullptr : buffer.data();
  }
  void clear_moments() {
    std::fill(first_.begin(), first_.end(), Scalar{0});
    std::fill(second_.begin(), second_.end(), Scalar{0});
  }

  void update(ParameterRole role, std::ptrdiff_t offset, std::ptrdiff_t count, const OptimizerStep<Scalar>& rule) {
    update_slice(rule, role, count, gradients_.data() + offset, parameters_->data() + offset,
                 first_.empty() ? nullptr : first_.data() + offset,
                 second_.empty() ? nullptr : second_.data() + offset);
  }

 private:
  template <typename Self>
  [[nodiscard]] static std::conditional_t<std::is_const_v<Self>, const Buffer<Scalar>, Buffer<Scalar>>& buffer_of(
      Self& self, Content content) {
    switch (content) {
      case Content::parameters:
        return *self.parameters_;
      case Content::gradients:
        return self.gradients_;
      case Content::first_moment:
        return self.first_;
      case Content::second_moment:
        return self.second_;
      case Content::compensation:
      case Content::master_weights:
        break;
    }
    return self.none_;
  }

  std::shared_ptr<Buffer<Scalar>> parameters_ = std::make_shared<Buffer<Scalar>>();
  Buffer<Scalar> gradients_, first_, second_;
  Buffer<Scalar> none_;  // of what bfloat16 alone has
};

}  // namespace stepbench
