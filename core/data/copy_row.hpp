// The copying of a sample's features into a batch, in the batch's type: one build of it for each instruction set. For
// gather.cpp; what is said in variants/kernels/isa/functions.hpp of such builds holds here, too.
#pragma once

#include <cstdint>

namespace stepbench {

/// Of `count` values; pixels are divided by kWhite.
template <typename Value, typename Scalar>
using CopyRow = void (*)(const Value* values, std::int64_t count, Scalar* row);

template <typename Scalar>
struct CopyRows {
  CopyRow<std::uint8_t, Scalar> pixels;
  CopyRow<float, Scalar> floats;
  CopyRow<double, Scalar> doubles;
};

struct RowCopies {
  CopyRows<float> float32;
  CopyRows<double> float64;
};

extern const RowCopies kPortableRowCopies, kAvx2RowCopies, kAvx512RowCopies;

}  // namespace stepbench
