// The mean of numbers that were taken one after the other, as the rounds of a measurement were, and how far it may be
// off where neighbours are alike. Not here: ratios, and what is a round.
#pragma once

#include <span>

namespace stepbench {

struct SequenceMean {
  double mean;         // NaN for no values
  double error;        // its standard error; NaN with fewer than two values
  double degrees;      // of freedom of that error
  double effective;    // how many independent values would tell as much; at most as many as there are
  double correlation;  // of neighbours, as far as it was taken into account: 0 where it was negative
};

/// The values are taken for a first-order autoregressive sequence. Its correlation is estimated from neighbours, freed
/// of the bias that few values give it (Kendall 1954: -(1 + 3 rho)/n), and taken for 0 where it is negative, so that an
/// interval is widened by it and never narrowed. n values of correlation rho tell as much of their mean as
/// n (1 - rho)/(1 + rho) independent ones (Bayley and Hammersley 1946), which also sets the degrees of freedom and
/// frees the variance of its own bias (Zieba 2010). The degrees are at least half of Student's: so few effective values
/// are mostly the estimate's own error, and in simulation fewer degrees made intervals much wider and covered no more.
/// The interval of twelve independent values becomes about a seventh
/// wider than Student's, of fifty a twentieth: the price of not knowing that they are independent.
[[nodiscard]] SequenceMean sequence_mean(std::span<const double> values);

}  // namespace stepbench
