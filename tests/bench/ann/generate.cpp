// SPDX-License-Identifier: PostgreSQL
//
// Clusters of very unequal size in 36 latent dimensions, bent into the space of the rows by a layer
// of rectified linear units and a little noise: neighbourhoods are of low dimension, as in real
// embeddings, and clusters overlap, so that no index finds its way by the clusters alone.
#include "bench/ann/generate.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace bench
{

namespace
{

constexpr std::size_t kLatent = 36;
constexpr std::size_t kHidden = 256;
constexpr std::size_t kClusters = 5000;
constexpr float kClusterSpread = 1.2f;
constexpr float kRowSpread = 0.9f;
constexpr float kNoise = 0.1f;

class Generator
{
  public:
    explicit Generator(std::size_t dim) : dim_(dim)
    {
        std::gamma_distribution<double> share(0.7);
        std::vector<double> shares(kClusters);
        for (double &s : shares)
            s = share(random_);
        cluster_ = std::discrete_distribution<std::size_t>(shares.begin(), shares.end());
        centres_ = normals(kClusters * kLatent, kClusterSpread);
        bend_ = normals(kLatent * kHidden, 1 / std::sqrt(float(kLatent)));
        bias_ = normals(kHidden, 0.5f);
        spread_ = normals(kHidden * dim, 1 / std::sqrt(float(kHidden)));
    }

    std::vector<float> draw(std::size_t count)
    {
        std::vector<float> rows(count * dim_);
        for (std::size_t i = 0; i < count; i++)
            draw_row(rows.data() + i * dim_);
        return rows;
    }

  private:
    std::vector<float> normals(std::size_t count, float deviation)
    {
        std::vector<float> values(count);
        for (float &v : values)
            v = deviation * normal_(random_);
        return values;
    }

    void draw_row(float *row)
    {
        const float *centre = centres_.data() + cluster_(random_) * kLatent;
        float hidden[kHidden];
        std::copy(bias_.begin(), bias_.end(), hidden);
        for (std::size_t i = 0; i < kLatent; i++) {
            const float z = centre[i] + kRowSpread * normal_(random_);
            for (std::size_t h = 0; h < kHidden; h++)
                hidden[h] += z * bend_[i * kHidden + h];
        }
        for (std::size_t d = 0; d < dim_; d++)
            row[d] = kNoise * normal_(random_);
        for (std::size_t h = 0; h < kHidden; h++)
            if (hidden[h] > 0)
                for (std::size_t d = 0; d < dim_; d++)
                    row[d] += hidden[h] * spread_[h * dim_ + d];
    }

    std::size_t dim_;
    std::mt19937_64 random_{7};
    std::normal_distribution<float> normal_;
    std::discrete_distribution<std::size_t> cluster_;
    std::vector<float> centres_, bend_, bias_, spread_;
};

} // namespace

Dataset
generate_hard(std::size_t rows, std::size_t queries, std::size_t dim)
{
    Generator generator(dim);
    Dataset data;
    data.name = "hard";
    data.dim = dim;
    data.rows = generator.draw(rows);
    data.queries = generator.draw(queries);
    return data;
}

} // namespace bench
