-- The same as in waiting_endpoints, for one endpoint.
SELECT (SELECT min(due.not_before) FROM deliveries AS due
        WHERE due.endpoint = $1 AND due.head AND due.state = 'pending') AS oldest,
       (SELECT min(due.not_before) FROM deliveries AS due
        WHERE due.endpoint = $1 AND due.urgent AND due.head AND due.state = 'pending') AS urgent;
