# MariaDB, and the secret by which the servers reach it.

resource "random_password" "database" {
  length = 40
  # Nothing that a URL would have to write otherwise.
  special = false
}

resource "aws_db_subnet_group" "this" {
  name       = local.name
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${local.name}-"
  family      = "mariadb10.11"

  parameter {
    name  = "require_secure_transport"
    value = "1"
  }
  parameter {
    name  = "slow_query_log"
    value = "1"
  }
  parameter {
    name  = "long_query_time"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  # checkov:skip=CKV_AWS_353:The smallest class has none; the others have them.
  identifier     = local.name
  engine         = "mariadb"
  engine_version = "10.11"
  instance_class = module.settings.size.database.class

  db_name  = "dockyard"
  username = "dockyard"
  password = random_password.database.result

  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.this.arn
  allocated_storage     = module.settings.size.database.gigabytes
  max_allocated_storage = module.settings.size.database.most

  multi_az               = module.settings.size.database.multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.database.id]
  publicly_accessible    = false
  parameter_group_name   = aws_db_parameter_group.this.name
  # Signed by an authority of bundle/rds-ca.pem, which the servers compare it with.
  ca_cert_identifier = "rds-ca-rsa2048-g1"

  backup_retention_period    = var.keep_days
  backup_window              = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  auto_minor_version_upgrade = true
  copy_tags_to_snapshot      = true
  deletion_protection        = var.protect
  skip_final_snapshot        = !var.protect
  final_snapshot_identifier  = "${local.name}-final"

  enabled_cloudwatch_logs_exports = ["error", "slowquery"]
  performance_insights_enabled    = module.settings.size.database.insights
  performance_insights_kms_key_id = module.settings.size.database.insights ? aws_kms_key.this.arn : null
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
}

# The whole address, so that the password never stands among the settings of the environment.
resource "aws_secretsmanager_secret" "database_url" {
  # checkov:skip=CKV2_AWS_57:A new password is made by `terraform apply -replace random_password.database`, in one go with the database's.
  name_prefix             = "${local.name}-database-url-"
  description             = "Where the database of ${local.name} is, with its password"
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.protect ? 30 : 0
}

resource "aws_secretsmanager_secret_version" "database_url" {
  secret_id = aws_secretsmanager_secret.database_url.id
  secret_string = format("mysql://%s:%s@%s/%s?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/dockyard/rds-ca.pem",
    aws_db_instance.this.username, random_password.database.result,
  aws_db_instance.this.endpoint, aws_db_instance.this.db_name)
}
