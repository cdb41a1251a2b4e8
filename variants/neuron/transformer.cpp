#include "variants/neuron/transformer.hpp"

namespace stepbench::neuron {

template class TransformerBlock<float>;
template class TransformerBlock<double>;
template class TransformerNetwork<float>;
template class TransformerNetwork<double>;

}  // namespace stepbench::neuron
