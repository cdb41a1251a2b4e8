// exp over arrays, in the vectors of the instruction set in use: glibc's libmvec through its vector ABI (error below 4
// units in the last place; a scalar call costs 10 times as much). The same bits for an element wherever it stands in
// the array: a tail goes through the same vector function.
#pragma once

#include <cstddef>

namespace stepbench {

/// values[i] = exp(values[i])
void exp_in_place(float* values, std::ptrdiff_t count);
void exp_in_place(double* values, std::ptrdiff_t count);

}  // namespace stepbench
