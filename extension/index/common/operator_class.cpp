// SPDX-License-Identifier: PostgreSQL
#include "pg/postgres.hpp"

#include "index/common/operator_class.hpp"

extern "C" {
#include "access/genam.h"

PGDLLEXPORT Datum vector_l2_squared_distance(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum vector_negative_inner_product(PG_FUNCTION_ARGS);
}

namespace vx::index
{

static bool
has_support(Relation index, int number)
{
    return OidIsValid(index_getprocid(index, 1, static_cast<uint16>(number)));
}

OperatorClass
get_operator_class(Relation index)
{
    OperatorClass result;
    result.element = ElementKind::float32;
    result.type_name = "vector";
    result.normalize_rows = has_support(index, kNormProc);
    result.normalize_training = has_support(index, kTrainNormProc);

    const PGFunction distance = has_support(index, kDistanceProc)
                                    ? index_getprocinfo(index, 1, kDistanceProc)->fn_addr
                                    : nullptr;
    if (has_support(index, kTypeInfoProc))
        result.metric = Metric{}; // no element type but vector is known here
    else if (distance == vector_l2_squared_distance)
        result.metric = Metric::l2;
    else if (distance == vector_negative_inner_product)
        result.metric = result.normalize_rows ? Metric::cosine : Metric::inner_product;
    else
        result.metric = Metric{};

    const bool l2_is_plain = !result.normalize_rows && !result.normalize_training;
    if (result.metric == Metric{} || (result.metric == Metric::l2 && !l2_is_plain) ||
        (result.metric != Metric::l2 && !result.normalize_training))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("operator class of index \"%s\" is not supported",
                               RelationGetRelationName(index)),
                        errhint("Use vector_l2_ops, vector_ip_ops or vector_cosine_ops.")));
    return result;
}

uint32
column_dimensions(Relation index, uint32 most, const char *access_method)
{
    const int32 dimensions = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
    if (dimensions < 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("column does not have dimensions")));
    if (dimensions > static_cast<int32>(most))
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("column cannot have more than %u dimensions for %s index", most,
                               access_method)));
    return static_cast<uint32>(dimensions);
}

bool
has_dimensions(Relation index, uint32 dimensions)
{
    const int32 declared = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
    return declared < 0 || static_cast<uint32>(declared) == dimensions; // ALTER TABLE may drop them
}

BatchDistance
batch_distance(Metric metric)
{
    const kernel::DistanceKernels &kernels = kernel::distance_kernels();
    return metric == Metric::l2 ? kernels.l2_squared_batch : kernels.inner_product_batch;
}

bool
normalize(const float *source, int32 dimensions, float *out) noexcept
{
    const auto n = static_cast<std::size_t>(dimensions);
    const double norm = kernel::distance_kernels().l2_norm(source, n);
    if (!(norm > 0)) {
        memset(out, 0, n * sizeof(float));
        return false;
    }
    for (std::size_t i = 0; i < n; i++)
        out[i] = static_cast<float>(source[i] / norm);
    return true;
}

} // namespace vx::index
