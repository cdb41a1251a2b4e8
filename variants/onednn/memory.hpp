// Matrices as oneDNN is told of them, and what each thread that calls it has for itself.
#pragma once

#include <cstddef>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>

#include "core/buffer.hpp"
#include "variants/onednn/library.hpp"

namespace stepbench {

/// A matrix of float32 with elements so far apart.
inline dnnl::memory::desc onednn_matrix(std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t row_stride,
                                        std::ptrdiff_t column_stride = 1) {
  return {{rows, columns}, dnnl::memory::data_type::f32, dnnl::memory::dims{row_stride, column_stride}};
}

/// One that oneDNN is to choose the form of.
inline dnnl::memory::desc onednn_matrix_of_any_form(std::ptrdiff_t rows, std::ptrdiff_t columns) {
  return {{rows, columns}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any};
}

inline dnnl::memory onednn_memory(const dnnl::memory::desc& description, const float* data) {
  return {description, onednn_engine(), const_cast<float*>(data)};
}

inline dnnl::stream& onednn_stream() {
  thread_local dnnl::stream stream(onednn_engine());
  return stream;
}

/// What the calling thread's next primitive may write into.
inline void* onednn_scratch(std::size_t bytes) {
  thread_local Buffer<std::byte> scratch;
  if (scratch.size() < bytes) scratch.resize(bytes);
  return scratch.data();
}

/// Whether oneDNN has nothing for it but its plain loops, which are for comparisons.
template <typename Description>
bool is_onednn_reference(const Description& primitive) {
  return std::string_view(primitive.impl_info_str()).starts_with("ref");
}

}  // namespace stepbench
