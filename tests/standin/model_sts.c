/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "tests/standin/model_world.h"

int model_get_caller_identity(struct model *model, const struct model_request *request,
                              struct model_answer *answer)
{
    snprintf(model->user_id, sizeof model->user_id, "AROASTANDIN0000000000:podbind");
    answer->account = model->settings.account;
    answer->user_id = model->user_id;
    answer->caller_arn = model_caller(model, request);
    return 0;
}
