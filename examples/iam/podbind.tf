# SPDX-License-Identifier: Apache-2.0
#
# podbind's own role for one cluster, and the association that gives it to podbind's pods.

variable "cluster_name" {
  type = string
}

variable "role_path" {
  description = "Path of the roles that pods may have, such as \"shared/\". Empty: every role of the account."
  type        = string
}

variable "instance" {
  description = "As podbind's --instance."
  type        = string
  default     = "podbind"
}

variable "namespace" {
  type    = string
  default = "podbind-system"
}

variable "service_account" {
  description = "The name of the Helm release, unless the chart's serviceAccount.name says otherwise."
  type        = string
  default     = "podbind"
}

data "aws_partition" "this" {}

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

resource "aws_iam_role" "podbind" {
  name = "podbind-${var.cluster_name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy" "podbind" {
  name = "podbind"
  role = aws_iam_role.podbind.id

  policy = templatefile("${path.module}/podbind-policy.json", {
    Partition = data.aws_partition.this.partition
    Region    = data.aws_region.this.region
    Account   = data.aws_caller_identity.this.account_id
    Cluster   = var.cluster_name
    Instance  = var.instance
    RolePath  = var.role_path
  })
}

resource "aws_eks_pod_identity_association" "podbind" {
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.podbind.arn
}
